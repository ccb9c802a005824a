"""All stages in one call, for one video: `vosmem.segment` and `vosmem segment`."""
