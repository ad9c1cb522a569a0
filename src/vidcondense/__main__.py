"""The program `vidcondense`, also `python -m vidcondense`."""

import sys
from importlib import import_module


def main() -> None:
    """Entry point; Ctrl-C is one line also in the third of a second that loading the command line takes."""
    try:
        command_line = import_module("vidcondense.cli")
    except KeyboardInterrupt:
        print("vidcondense: interrupted", file=sys.stderr)
        sys.exit(130)
    command_line.main()


if __name__ == "__main__":
    main()
