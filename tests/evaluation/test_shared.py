"""Networks of an evaluation shared out among processes, or trained in several goes."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from vidcondense.base import files
from vidcondense.base.compute import generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.condensed import KeyFrameVideos
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.evaluation.protocols import Strict
from vidcondense.evaluation.shared import evaluate, evaluate_to
from vidcondense.evaluation.trial import NetworkResult, Trial

QUICK = Strict(steps=2, epochs=1)


def condensed(store: ClipStore) -> KeyFrameVideos:
    """A clip of noise per class, every frame stored."""
    classes = len(store.class_names)
    frames = torch.randn(classes * store.frames, 3, store.size, store.size, generator=generator(0))
    return KeyFrameVideos(
        key_frames=frames,
        positions=torch.arange(store.frames).repeat(classes),
        counts=torch.full((classes,), store.frames),
        labels=torch.arange(classes),
        class_names=tuple(store.class_names),
        frames=store.frames,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The networks that were trained, in order."""
    numbers: list[int] = []
    run = Trial.run
    monkeypatch.setattr(Trial, "run", lambda self, n, advance: numbers.append(n) or run(self, n, advance))
    return numbers


def trial(store: ClipStore, **changes: Any) -> Trial:
    protocol = changes.pop("protocol", QUICK)
    options = EvaluationOptions(**{"device": "cpu", **changes})
    return Trial.of(condensed(store), store, options, protocol=protocol)


def be(monkeypatch: pytest.MonkeyPatch, rank: int, count: int) -> None:
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("WORLD_SIZE", str(count))


def written(path: Path) -> dict[str, Any]:
    return {**json.loads(path.read_text()), "seconds": 0}


@pytest.mark.parametrize("count", [2, 5])
def test_any_number_of_processes_writes_the_same(
    count: int, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[int]
) -> None:
    whole = evaluate(condensed(tiny_store), tiny_store, protocol=QUICK, networks_count=3, show=False)
    files.write_json(tmp_path / "whole.json", whole.to_dict())
    trained.clear()
    out = tmp_path / "made.json"
    for rank in reversed(range(count)):  # the first one last: it waits for the others
        be(monkeypatch, rank, count)
        made = evaluate_to(out, trial(tiny_store), 3, show=False)
        assert (made is None) == (rank > 0)
    assert sorted(trained) == [0, 1, 2]
    assert written(out) == written(tmp_path / "whole.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.json", "whole.json"]


def test_finished_networks_are_kept_also_by_another_number_of_processes(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[int]
) -> None:
    out, run = tmp_path / "made.json", Trial.run
    for count, rank in ((2, 1), (3, 2)):  # each is stopped while it trains its second network
        numbers: list[int] = []

        def cut(self: Trial, number: int, advance: Any, numbers: list[int] = numbers) -> NetworkResult:
            numbers.append(number)
            if len(numbers) == 2:
                raise Interrupted
            return run(self, number, advance)

        be(monkeypatch, rank, count)
        with monkeypatch.context() as patch, pytest.raises(Interrupted):
            patch.setattr(Trial, "run", cut)
            evaluate_to(out, trial(tiny_store), 4, show=False)
    assert trained == [0, 1]
    be(monkeypatch, 0, 1)
    made = evaluate_to(out, trial(tiny_store), 4, show=False)
    assert trained == [0, 1, 2, 3]
    whole = trial(tiny_store).evaluate(4, False)
    assert made is not None
    assert [result.top1 for result in made.results] == [result.top1 for result in whole.results]
    assert all(
        torch.equal(a.confusion, b.confusion) for a, b in zip(made.results, whole.results, strict=True)
    )
    assert made.seconds == pytest.approx(sum(result.seconds for result in made.results))


def test_networks_of_another_evaluation_are_not_taken(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[int]
) -> None:
    out = tmp_path / "made.json"
    base = trial(tiny_store)
    other = replace(condensed(tiny_store), key_frames=condensed(tiny_store).key_frames * 1.01)
    be(monkeypatch, 1, 2)
    changed = [
        Trial.of(other, tiny_store, EvaluationOptions(device="cpu"), protocol=QUICK),
        trial(tiny_store, seed=1),
        trial(tiny_store, protocol=Strict(steps=3, epochs=1)),
        trial(tiny_store, network="cnn_mean"),
        Trial.of(tiny_store, tiny_store, EvaluationOptions(device="cpu"), protocol=QUICK),
        Trial.of(tiny_store, tiny_store, EvaluationOptions(device="cpu", flip=0.0), protocol=QUICK),
        base,
    ]
    for number, one in enumerate(changed, 1):
        evaluate_to(out, one, 2, show=False)
        assert len(trained) == 2 * number
        evaluate_to(out, one, 2, show=False)
        assert len(trained) == 2 * number


def test_a_process_that_comes_when_all_is_gathered_does_nothing(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[int]
) -> None:
    out = tmp_path / "made.json"
    be(monkeypatch, 0, 2)
    assert evaluate_to(out, trial(tiny_store), 1, show=False) is not None
    be(monkeypatch, 1, 2)
    assert evaluate_to(out, trial(tiny_store), 1, show=False) is None
    assert trained == [0]
    assert list(tmp_path.iterdir()) == [out]
    os.utime(out, (1, 1))  # of an earlier evaluation: this one is done again
    assert evaluate_to(out, trial(tiny_store), 1, show=False) is None
    assert trained == [0, 0]


def test_a_second_first_process_is_refused(tiny_store: ClipStore, tmp_path: Path) -> None:
    with (
        files.lock_folder(files.make_folder(tmp_path / "made.networks")),
        pytest.raises(VidcondenseError, match="another process is working"),
    ):
        evaluate_to(tmp_path / "made.json", trial(tiny_store), 1, show=False)
