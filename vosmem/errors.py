"""The one error that is the user's to mend."""


class UserError(Exception):
    """Something the user gave cannot be used.

    The message is one clear line: what, got, expected, how to mend. The command line prints it without a
    traceback and exits with status 1.
    """
