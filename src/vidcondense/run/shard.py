"""The program that learns one shard of a run: a unit of work.

python -m vidcondense.run.shard RUN STORE DEVICE NUMBER [TRACKER ...]
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from vidcondense.data.store import ClipStore
from vidcondense.run.folder import RunFolder
from vidcondense.run.shards import learn


def main(run: RunFolder, store: Path, device: str, number: int, track: Sequence[str]) -> None:
    """Learn a shard, counted from 0, as run.json says; its result is a run folder below."""
    known = run.read()
    real = ClipStore.open(store, known["store"]["split"])
    learn(run, real, run.recipe(known), number, device, known["precision"], True, track)


if __name__ == "__main__":
    main(RunFolder(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5:])
