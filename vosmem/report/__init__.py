"""Stage ``report``: one self-contained page from the files of ``results/<dataset>/``."""

STAGE_VERSION = 3
