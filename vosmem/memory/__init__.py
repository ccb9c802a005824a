"""Stage ``memory``: the trained part. Projection, bidirectional ConvGRU and output layers on cached streams."""

STAGE_VERSION = 2
