"""The one exception a user is meant to see."""


class VidcondenseError(Exception):
    """Bad input: one line that names the file, field or value and how to mend it.

    The command line prints it without a traceback and exits with code 2.
    """
