"""The program that a step of a unit runs in: it ends when the process that started it does.

    python -m vidcondense.work.child MODULE ARGUMENTS

runs a module as `python -m` does. Standard input must be a pipe from whoever started it.
"""

import os
import runpy
import signal
import sys
import time
from threading import Thread

from vidcondense.base.errors import VidcondenseError, printable
from vidcondense.base.interrupt import Interrupted, terminate_as_ctrl_c
from vidcondense.base.memory import keep_freed

SAVE_SECONDS = 10.0
"""How long it may go on to save its state once nobody waits for it."""


def main() -> None:
    """Run the module that the command line names."""
    terminate_as_ctrl_c()
    _end_with_parent()
    keep_freed()
    sys.argv = sys.argv[1:]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except VidcondenseError as error:
        print(f"vidcondense: {printable(str(error))}", file=sys.stderr)
        sys.exit(2)
    except (Interrupted, KeyboardInterrupt):
        sys.exit(130)


def _end_with_parent() -> None:
    """Have a thread wait for the end of standard input, which is that of the process that started us."""
    watched = os.dup(0)  # what we start must not wait there too
    silent = os.open(os.devnull, os.O_RDONLY)
    os.dup2(silent, 0)
    os.close(silent)
    Thread(target=_watch, args=(watched,), daemon=True).start()


def _watch(watched: int) -> None:
    while os.read(watched, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SAVE_SECONDS)
    os._exit(130)


if __name__ == "__main__":
    main()
