"""Stage ``memory``: the trained part. Projection, bidirectional ConvGRU and output layers on cached streams."""

STAGE_VERSION = 2
SHAPE = ("projection", "context", "state", "kernel", "bidirectional", "finer")  # the keys of `memory` that make it
