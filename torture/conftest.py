"""`make torture`: what takes too long for `make test`. Each file proves promises of docs/reliability.md."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from forks import Forks
from tasks import Inputs, condense
from vidcondense import toys
from vidcondense.data.prepare import prepare

# The same examples every time; `--hypothesis-profile=default` draws others.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")

torch.set_num_threads(1)  # tests run side by side, one per core

# A shell that starts tests in the background has Ctrl-C ignored, here and in every command that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Runs commands."""
    made = Forks(tmp_path_factory.mktemp("said"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated videos: 3 classes of 5 training and 3 test videos."""
    counts = {"train_per_class": 5, "test_per_class": 3, "classes": 3}
    folder = tmp_path_factory.mktemp("clips") / "clips"
    return toys.generate("actions", folder, **counts, frames=16, size=48, workers=1)


@pytest.fixture(scope="module")
def store(clips: Path) -> Path:
    """A store of them: 4 frames of 32x32."""
    path = clips.parent / "store"
    prepare(clips, path, frames=4, size=32, workers=1, progress=False)
    return path


@pytest.fixture(scope="module")
def inputs(clips: Path, store: Path, forks: Forks) -> Inputs:
    """What the commands of `tasks` read."""
    made = Inputs(clips, store, clips.parent / "run")
    done = forks.run(*condense(made, made.run).words)
    assert done.code == 0, done.said
    return made
