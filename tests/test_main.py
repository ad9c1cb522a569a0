"""The program answers Ctrl-C from its first import on."""

import subprocess
import sys

PRESS_CTRL_C_WHILE_IMPORTING = """
import os, runpy, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests are started in the background

class CtrlC:
    def find_spec(self, name, path, target=None):
        if name == "tyro":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
runpy.run_module("vidcondense", run_name="__main__")
"""


def test_ctrl_c_while_the_command_line_is_loaded_is_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PRESS_CTRL_C_WHILE_IMPORTING], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (130, "vidcondense: interrupted\n")
