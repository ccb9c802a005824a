"""Stage ``motion``: what moves independently of the camera, from the flow alone."""

STAGE_VERSION = 1
