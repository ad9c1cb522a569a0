"""Processes of units find the helpers of the tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vidcondense.work import queue

HELPERS = Path(__file__).parents[1] / "helpers"


@pytest.fixture(autouse=True, scope="module")
def helpers() -> Iterator[None]:
    """`python -m chores` works in every process that is started, also by Ray."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HELPERS), prepend=os.pathsep)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr(queue, "RETRY_SECONDS", 0.05)
        patch.setattr(queue, "BUSY_SECONDS", 0.1)
        yield
