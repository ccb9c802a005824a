"""Stage ``appearance``: per-frame features of a frozen network with atrous convolution, once per network."""

STAGE_VERSION = 1
