"""Condense, evaluate, report and export again and again in one process: `python soak.py SECONDS`.

Prints after each round, as JSON, the memory that the process holds in MiB, its open files and threads.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import quick
import torch

from vidcondense import condense, evaluate, prepare, toys
from vidcondense.base.files import write_json
from vidcondense.condensed.export import export
from vidcondense.report import write_report

PAGE = os.sysconf("SC_PAGE_SIZE")


def figures() -> dict[str, float]:
    """What this process holds now."""
    status = Path("/proc/self/status").read_text()
    return {
        "memory": int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20,
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": int(status.partition("Threads:")[2].split()[0]),
    }


def main(seconds: float, folder: Path) -> None:
    """Rounds for so long."""
    torch.set_num_threads(1)
    until = time.monotonic() + seconds
    counts = {"train_per_class": 5, "test_per_class": 3, "classes": 3}
    clips = toys.generate("actions", folder / "clips", **counts, frames=16, size=48, workers=1)
    store = prepare(clips, folder / "store", frames=4, size=32, workers=1, progress=False)
    network = f"{Path(__file__).with_name('tiny.py')}:Tiny"
    number = 0
    while time.monotonic() < until:
        run = folder / "run"
        changed = {"network": network, "insertion.threshold": 1.0, "iterations": 10, "seed": number}
        made = condense(store, quick.load("prism_small", overrides=changed), run, show=False)
        result = evaluate(made, store, network=network, networks_count=1, show=False)
        (run / "evaluations").mkdir()
        write_json(run / "evaluations" / "strict-tiny.json", result.to_dict())
        write_report([run], folder / "report.html")
        export(made, folder / "export", "mp4" if number % 2 else "frames")
        shutil.rmtree(run)
        number += 1
        print(json.dumps({"round": number, **figures()}), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        main(float(sys.argv[1]), Path(name))
