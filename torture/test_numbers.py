"""Videos that hold nothing, classes of one video, and step sizes a thousand times too large.

Each combination gives a result whose every number is finite, or stops with one line; and an evaluation of the
result counts the networks that diverged, and leaves them out of its means.
"""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import quick
import torch
from numpy.typing import NDArray
from PIL import Image

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import Protocol, Strict, Vdsd
from vidcondense.evaluation.shared import evaluate
from vidcondense.experts.settings import ExpertSettings
from vidcondense.experts.training import train
from vidcondense.run.loop import condense

FRAMES, SIZE = 4, 32
METHODS = [
    *("prism", "dm", "dc", "prism_gradient", "frepo", "prism_frepo", "mtt", "prism_trajectory", "wang"),
    *("dm_trained_small", "prism_trained_small", "segments", "random", "herding", "k_center"),
]
LEARN = [name for name in METHODS if name not in ("random", "herding", "k_center")]
QUICK: tuple[Protocol, ...] = (Strict(steps=4, epochs=1), Vdsd(epochs=4, passes=1))
Clip = NDArray[np.uint8]


def black(label: int, number: int) -> Clip:
    return np.zeros((FRAMES, SIZE, SIZE, 3), np.uint8)


def constant(label: int, number: int) -> Clip:
    """One colour per video."""
    colour = np.random.default_rng([label, number]).integers(0, 256, 3, dtype=np.uint8)
    return np.broadcast_to(colour, (FRAMES, SIZE, SIZE, 3)).copy()


def identical(label: int, number: int) -> Clip:
    """All videos of all classes alike."""
    return np.random.default_rng(0).integers(0, 256, (FRAMES, SIZE, SIZE, 3), dtype=np.uint8)


def different(label: int, number: int) -> Clip:
    return np.random.default_rng([label, number]).integers(0, 256, (FRAMES, SIZE, SIZE, 3), dtype=np.uint8)


KINDS = {"black": black, "constant": constant, "identical": identical, "one per class": different}


def make_store(root: Path, kind: str, classes: int = 2, each: int = 2) -> ClipStore:
    """A store of pictures, which come without loss: `each` training videos per class and one for tests."""
    for role, count in (("train", 1 if kind == "one per class" else each), ("test", 1)):
        for label in range(classes):
            for number in range(count):
                folder = root / "source" / role / f"class{label}" / f"{number}"
                folder.mkdir(parents=True)
                pixels = KINDS.get(kind, different)(label, number)
                for time, frame in enumerate(pixels):
                    Image.fromarray(frame).save(folder / f"{time}.png")
    return prepare(
        root / "source", root / "store", frames=FRAMES, stride=1, size=SIZE, workers=1, progress=False
    )


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClipStore]:
    return {kind: make_store(tmp_path_factory.mktemp("store"), kind) for kind in (*KINDS, "usual")}


def finite(value: Any) -> bool:
    """Whether all numbers in nested JSON are finite."""
    if isinstance(value, dict | list):
        return all(map(finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def check(made: CondensedVideos, store: ClipStore, run: Path) -> None:
    """The set, its log and two evaluations of it hold finite numbers only; what diverged is not averaged."""
    assert all(bool(tensor.isfinite().all()) for tensor in made.tensors().values())
    assert bool(made.render().isfinite().all())
    assert all(finite(json.loads(line)) for line in (run / "metrics.jsonl").read_text().splitlines())
    for protocol in QUICK:
        result = evaluate(made, store, networks_count=1, protocol=protocol, device="cpu", show=False)
        record = result.to_dict()
        assert finite(record)
        for network, shown in zip(result.results, record["top1"]["values"], strict=True):
            assert network.diverged == (shown is None)
            assert network.diverged or math.isfinite(network.loss)
        if record["diverged"] == record["networks"]:
            assert record["top1"]["mean"] is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_videos_that_hold_nothing(
    method: str, kind: str, stores: dict[str, ClipStore], tmp_path: Path
) -> None:
    store = stores[kind]
    try:
        made = condense(store, quick.load(method), tmp_path / "run", device="cpu", show=False)
    except VidcondenseError as error:
        assert "\n" not in str(error)
        print(f"{method}, {kind}: {error}")
        return
    check(made, store, tmp_path / "run")


@pytest.mark.parametrize("method", METHODS)
def test_as_many_videos_as_a_class_has(method: str, stores: dict[str, ClipStore], tmp_path: Path) -> None:
    store, out = stores["usual"], tmp_path / "run"
    check(condense(store, quick.load(method, vpc=2), out, device="cpu", show=False), store, out)
    if method not in LEARN:
        with pytest.raises(VidcondenseError, match="fewer than vpc 3"):
            condense(store, quick.load(method, vpc=3), tmp_path / "b", device="cpu", show=False)


@pytest.mark.parametrize("factor", [1e3, 1e12, 1e35])
@pytest.mark.parametrize("method", LEARN)
def test_steps_far_too_large(
    method: str, factor: float, stores: dict[str, ClipStore], tmp_path: Path
) -> None:
    """1000 times too large, and so large that float32 runs over."""
    usual = quick.load(method)
    parts = (usual.synthetic, usual.objective)
    keys = {"optimiser.learning_rate"} | {f"{p.family}.{key}" for p in parts for key in p.rates.values()}
    wild = quick.load(method, overrides={key: min(usual.fields()[key] * factor, 2.9e38) for key in keys})
    out = tmp_path / "run"
    try:
        made = condense(stores["usual"], wild, out, device="cpu", show=False)
    except VidcondenseError as error:
        assert "too large" in str(error) and "\n" not in str(error)
        assert json.loads((out / "run.json").read_text())["status"] == "failed"
        assert not (out / "condensed.safetensors").exists()
        return
    check(made, stores["usual"], out)


@pytest.mark.parametrize("factor", [1e3, 1e30])
@pytest.mark.parametrize("rule", QUICK, ids=["strict", "vdsd"])
def test_evaluation_with_steps_far_too_large(
    rule: Any, factor: float, stores: dict[str, ClipStore], tmp_path: Path
) -> None:
    store = stores["usual"]
    made = condense(store, quick.load("random"), tmp_path / "run", device="cpu", show=False)
    wild = dataclasses.replace(rule, learning_rate=rule.learning_rate * factor)
    record = evaluate(made, store, networks_count=2, protocol=wild, device="cpu", show=False).to_dict()
    assert finite(record)
    trained = [value for value in record["top1"]["values"] if value is not None]
    assert record["diverged"] == 2 - len(trained)
    assert record["top1"]["mean"] == (sum(trained) / len(trained) if trained else None)


@pytest.mark.parametrize("factor", [1e3, 1e36])
def test_experts_with_steps_far_too_large(
    factor: float, stores: dict[str, ClipStore], tmp_path: Path
) -> None:
    wild = ExpertSettings(count=1, epochs=2, batch=4, learning_rate=0.01 * factor)
    try:
        made = train(stores["usual"], tmp_path / "experts", wild, show=False)
    except VidcondenseError as error:
        assert "diverged in epoch" in str(error)
        return
    assert all(bool(made.weights(0, epoch).isfinite().all()) for epoch in range(3))


def test_one_class_and_none_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match="at least two are needed"):
        make_store(tmp_path, "usual", classes=1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(VidcondenseError):
        prepare(tmp_path / "empty", tmp_path / "store", progress=False)


def test_the_seed_of_pytorch_is_left_alone(stores: dict[str, ClipStore], tmp_path: Path) -> None:
    """A run that stops leaves the process as it was: the next one is the same as in a fresh process."""
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    wild = quick.load("dm", overrides={"optimiser.learning_rate": 1e38})
    with pytest.raises(VidcondenseError, match="too large"):
        condense(stores["usual"], wild, tmp_path / "wild", device="cpu", show=False)
    assert torch.equal(torch.random.get_rng_state(), before)
