"""The program `vidcondense`, also `python -m vidcondense`."""

import os
import sys
from importlib import import_module


def main() -> None:
    """Entry point; Ctrl-C is one line also in the third of a second that loading the command line takes."""
    if os.environ.get("NO_COLOR"):  # the library for help asks for its own name
        os.environ.setdefault("PYTHON_TYRO_ANSI_CODES", "False")
    try:
        command_line = import_module("vidcondense.cli")
    except KeyboardInterrupt:
        print("vidcondense: interrupted", file=sys.stderr)
        sys.exit(130)
    command_line.main()


if __name__ == "__main__":
    main()
