"""Stage ``data``: which frames and masks a sequence has, whether they can be used, and their fingerprint."""

STAGE_VERSION = 1
