"""Stage ``motion``: what moves independently of the camera, from the flow alone."""

STAGE_VERSION = 1

SALIENT = ("u2netp", "u2net")  # detectors of salient objects, which look at pictures of the flow
BOTH_DIRECTIONS = ("residual", *SALIENT)  # the networks that read the flow forward and backward
