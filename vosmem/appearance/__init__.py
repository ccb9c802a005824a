"""Stage ``appearance``: per-frame features of a frozen network, once per network."""

STAGE_VERSION = 2
