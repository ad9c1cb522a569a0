"""The program answers Ctrl-C from its first import on."""

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_is_respected_on_a_terminal(no_color: str) -> None:
    """By help, of which another library than rich has the colours."""
    terminal, end = pty.openpty()
    environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm", "COLUMNS": "60"}
    command = [sys.executable, "-m", "vidcondense", "show", "--help"]
    with subprocess.Popen(command, stdout=end, env=environment) as running:
        os.close(end)
        shown = b""
        with suppress(OSError):  # Linux says so where the other end is closed
            while part := os.read(terminal, 2**16):
                shown += part
    os.close(terminal)
    assert running.returncode == 0 and b"RUN|FILE" in shown
    assert (b"\x1b[" in shown) == (not no_color)


def test_completion_for_a_shell_is_written(tmp_path: Path) -> None:
    """As README says."""
    script = tmp_path / "completion"
    command = [sys.executable, "-m", "vidcondense", "--tyro-write-completion", "bash", str(script)]
    subprocess.run(command, check=True, capture_output=True)
    assert "condense" in script.read_text() and "--recipe" in script.read_text()
