"""Freed memory stays with the process, so that the next tensors need no fresh pages."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from vidcondense.base.memory import keep_freed
if sys.argv[1] == "keep":
    assert keep_freed()
import torch
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.full((2**24,), 1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_tensors_take_up_freed_memory() -> None:
    found = {
        way: int(subprocess.run([sys.executable, "-c", FAULTS, way], capture_output=True, check=True).stdout)
        for way in ("keep", "leave")
    }
    assert found["keep"] < found["leave"] / 10
