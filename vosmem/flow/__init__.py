"""Stage ``flow``: optical flow between neighbouring frames, once per estimator."""

STAGE_VERSION = 2
