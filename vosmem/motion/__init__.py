"""Stage ``motion``: what moves independently of the camera, from the flow alone."""

STAGE_VERSION = 1

BOTH_DIRECTIONS = ("residual", "u2netp")  # the networks that read the flow forward and backward
