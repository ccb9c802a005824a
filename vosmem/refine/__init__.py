"""Stage ``refine``: from the probability on a coarse grid to a mask of the frame's own size."""

STAGE_VERSION = 3
