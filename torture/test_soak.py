"""Long use of one process: memory, open files and threads stay as they are."""

import json
import os
import subprocess
import sys
from pathlib import Path

SECONDS = float(os.environ.get("TORTURE_SOAK_SECONDS", "170"))
MOST_MIB = 16.0
"""By how much the most memory of the last third may exceed that of the third before."""


def test_memory_files_and_threads_stay_flat() -> None:
    program = Path(__file__).with_name("soak.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = subprocess.run(
        [sys.executable, program, str(SECONDS)], env=environment, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    rounds = [json.loads(line) for line in said.stdout.splitlines()]
    third = len(rounds) // 3
    assert third >= 3, f"only {len(rounds)} rounds"
    middle, last = rounds[third : 2 * third], rounds[-third:]
    for name in ("memory", "files", "threads"):
        print(name, *(f"{max(one[name] for one in part):.1f}" for part in (rounds[:third], middle, last)))
    print("rounds", len(rounds))
    most = [max(one["memory"] for one in part) for part in (middle, last)]
    assert most[1] - most[0] < MOST_MIB
    for name in ("files", "threads"):
        assert {one[name] for one in last} == {one[name] for one in middle}
