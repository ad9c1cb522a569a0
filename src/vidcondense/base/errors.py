"""The one exception a user is meant to see, and how names from outside are shown."""


class VidcondenseError(Exception):
    """Bad input: one line that names the file, field or value and how to mend it.

    The command line prints it without a traceback and exits with code 2.
    """


class UnitsFailed(VidcondenseError):
    """Some units of a command's work have failed, all others are done; a line for each, and the mend.

    The command line prints it as it is and exits with code 1.
    """


def printable(text: str) -> str:
    """A text in which line breaks, control characters and bytes that are no text are spelled out, as \\n.

    Names from outside then neither move the cursor nor pass for lines of their own.
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
