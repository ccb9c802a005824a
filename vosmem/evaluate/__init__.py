"""Stage ``evaluate``: the DAVIS measures J, F and T of masks that any method made."""

STAGE_VERSION = 1
