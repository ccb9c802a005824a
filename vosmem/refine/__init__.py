"""Stage ``refine``: from the probability on a coarse grid to a mask of the frame's own size."""

STAGE_VERSION = 4
TRAINED = "trained"
CORRECTIONS = ("shipped", TRAINED, "none")  # the words of `refine.zoom.correction`; all else is the path of a file
