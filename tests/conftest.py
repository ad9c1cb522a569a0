"""Shared fixtures; every test process uses one thread, so that tests run side by side."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from vidcondense import toys
from vidcondense.condensed import StaticDynamicVideos
from vidcondense.condensed.hallucinator import initial
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore

torch.set_num_threads(1)

# The same examples every time; `--hypothesis-profile=default` draws others.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")

# A shell that starts tests in the background has Ctrl-C ignored, here and in every command that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

FRAMES, SIZE, CLASSES, TRAIN, TEST = 4, 32, 3, 5, 3


@pytest.fixture(scope="session")
def tiny_store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 3 classes of generated actions, 5 training and 3 test videos each, 4 frames of 32x32."""
    folder = tmp_path_factory.mktemp("tiny")
    source = toys.generate(
        "actions",
        folder / "clips",
        train_per_class=TRAIN,
        test_per_class=TEST,
        classes=CLASSES,
        frames=16,
        size=48,
        workers=1,
    )
    prepare(source, folder / "store", frames=FRAMES, size=SIZE, workers=1, progress=False)
    return folder / "store"


@pytest.fixture
def memories() -> Callable[..., StaticDynamicVideos]:
    """Makes a condensed set of static and dynamic memories, from the label of each video."""

    def make(
        labels: list[int], names: tuple[str, ...], frames: int, size: tuple[int, int]
    ) -> StaticDynamicVideos:
        rng = torch.Generator().manual_seed(0)
        weight, bias = initial(rng)
        return StaticDynamicVideos(
            static=torch.randn(2 * len(labels), 3, *size, generator=rng),
            dynamic=torch.randn(2 * len(labels), frames, 1, *size, generator=rng),
            weight=weight,
            bias=bias,
            labels=torch.tensor(labels).repeat_interleave(4),
            class_names=names,
            frames=frames,
            mean=(0.4, 0.4, 0.4),
            std=(0.2, 0.2, 0.2),
        )

    return make


@pytest.fixture
def tiny_store(tiny_store_path: Path) -> ClipStore:
    """`tiny_store_path`, opened."""
    return ClipStore.open(tiny_store_path)
