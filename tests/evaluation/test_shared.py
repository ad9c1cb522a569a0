"""Networks of an evaluation shared out among processes, or trained in several goes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from vidcondense.base import files
from vidcondense.base.compute import generator
from vidcondense.base.errors import UnitsFailed, VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.condensed import CondensedVideos, KeyFrameVideos
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.network import Shared
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.evaluation.parts import Parts
from vidcondense.evaluation.protocols import Strict, Vdsd
from vidcondense.evaluation.shared import evaluate, evaluate_to
from vidcondense.evaluation.trial import NetworkResult, Trial
from vidcondense.work import queue

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


def written(path: Path) -> dict[str, Any]:
    return {**json.loads(path.read_text()), "seconds": 0}


def test_any_number_of_processes_writes_the_same(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Condensed clips and real ones; a network that is there already stays, whoever has trained it."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    file = tmp_path / "set.safetensors"
    condensed(tiny_store).save(file)
    options = EvaluationOptions(device="cpu", network="cnn_mean", steps=3)
    for path, training in ((file, CondensedVideos.load(file)), (tiny_store.path, tiny_store)):
        one = Trial.of(training, tiny_store, options)
        evaluate_to(tmp_path / "whole.json", one, 2, show=False)
        parts = Parts.of(one, files.make_folder(tmp_path / "made.networks"))
        parts.write(1, one.run(1, lambda loss: None))
        kept = (tmp_path / "made.networks" / "001.json").read_bytes()
        shared = Shared(path, "strong", options, "here", 2)
        with monkeypatch.context() as patch:
            patch.setattr(files, "remove_folder", lambda folder: None)
            evaluate_to(tmp_path / "made.json", one, 2, show=False, shared=shared)
        assert written(tmp_path / "made.json") == written(tmp_path / "whole.json")
        assert (tmp_path / "made.networks" / "001.json").read_bytes() == kept
        for name in ("made.json", "whole.json"):
            (tmp_path / name).unlink()
        files.remove_folder(tmp_path / "made.networks")


def test_networks_that_fail_are_listed_and_the_others_kept(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(queue, "MOST_TRIES", 1)
    file, out = tmp_path / "set.safetensors", tmp_path / "made.json"
    condensed(tiny_store).save(file)
    options = EvaluationOptions(device="cpu", network="cnn_mean", steps=3)
    one = Trial.of(CondensedVideos.load(file), tiny_store, options)
    file.unlink()
    with pytest.raises(UnitsFailed, match=r"failed: network-1.*set\.safetensors") as error:
        evaluate_to(out, one, 1, show=False, shared=Shared(file, "strong", options, "here", 1))
    assert str(error.value).splitlines()[-1].startswith("vidcondense: 1 of 1 units failed")
    assert not out.exists()


def test_finished_networks_are_kept(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[int]
) -> None:
    out, run = tmp_path / "made.json", Trial.run
    for _ in range(2):  # it is stopped while it trains its second network
        numbers: list[int] = []

        def cut(self: Trial, number: int, advance: Any, numbers: list[int] = numbers) -> NetworkResult:
            numbers.append(number)
            if len(numbers) == 2:
                raise Interrupted
            return run(self, number, advance)

        with monkeypatch.context() as patch, pytest.raises(Interrupted):
            patch.setattr(Trial, "run", cut)
            evaluate_to(out, trial(tiny_store), 4, show=False)
    assert trained == [0, 1]
    made = evaluate_to(out, trial(tiny_store), 4, show=False)
    assert trained == [0, 1, 2, 3]
    whole = trial(tiny_store).evaluate(4, False)
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
    changed = [
        Trial.of(other, tiny_store, EvaluationOptions(device="cpu"), protocol=QUICK),
        trial(tiny_store, seed=1),
        trial(tiny_store, protocol=Strict(steps=3, epochs=1)),
        trial(tiny_store, network="cnn_mean"),
        Trial.of(tiny_store, tiny_store, EvaluationOptions(device="cpu"), protocol=QUICK),
        Trial.of(tiny_store, tiny_store, EvaluationOptions(device="cpu", flip=0.0), protocol=QUICK),
        base,
    ]
    write = files.write_json

    def cut(path: Path, value: Any) -> None:
        if path == out:
            raise Interrupted  # all networks are trained, and not put together
        write(path, value)

    monkeypatch.setattr(files, "write_json", cut)
    for number, one in enumerate(changed, 1):
        for _ in range(2):
            with pytest.raises(Interrupted):
                evaluate_to(out, one, 2, show=False)
            assert len(trained) == 2 * number


def test_an_evaluation_that_is_there_is_returned(
    tiny_store: ClipStore, tmp_path: Path, trained: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made.json"
    first = evaluate_to(out, trial(tiny_store), 3, show=False)
    before, trained[:] = out.read_bytes(), []
    for count in (3, 2):
        again = evaluate_to(out, trial(tiny_store), count)
        assert first is not None and again is not None
        assert again.to_dict() == {**first.to_dict(), "seconds": json.loads(before)["seconds"]}
        assert torch.equal(again.confusion, first.confusion)
        assert (again.top1, len(again.trained)) == (first.top1, len(first.trained))
    said = " ".join(capsys.readouterr().err.split())
    assert said == (
        f"{out} is there already, of 3 networks: nothing to do "
        f"{out} is there already, of 3 networks, more than the 2 asked for: nothing to do"
    )
    assert trained == []
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_more_networks_are_added_to_those_that_are_there(
    tiny_store: ClipStore, tmp_path: Path, trained: list[int]
) -> None:
    """Whatever the steps, the file is that of all networks at once."""
    whole, out = tmp_path / "whole.json", tmp_path / "made.json"
    evaluate_to(whole, trial(tiny_store), 4, show=False)
    trained.clear()
    for count in (1, 3, 2, 4):
        made = evaluate_to(out, trial(tiny_store), count, show=False)
    assert trained == [0, 1, 2, 3]
    assert written(out) == written(whole)
    assert made is not None
    assert made.seconds == pytest.approx(json.loads(out.read_text())["seconds"], abs=1e-3)


def test_networks_that_diverged_stay_so_when_more_are_added(tiny_store: ClipStore, tmp_path: Path) -> None:
    wild = Vdsd(epochs=2, learning_rate=1e6)
    for count in (1, 2):
        evaluate_to(tmp_path / "made.json", trial(tiny_store, protocol=wild), count, show=False)
    evaluate_to(tmp_path / "whole.json", trial(tiny_store, protocol=wild), 2, show=False)
    assert written(tmp_path / "made.json") == written(tmp_path / "whole.json")
    assert written(tmp_path / "made.json")["top1"]["values"] == [None, None]


def test_an_evaluation_of_something_else_is_refused_with_the_difference(
    tiny_store: ClipStore, tmp_path: Path, trained: list[int]
) -> None:
    out = tmp_path / "made.json"
    evaluate_to(out, trial(tiny_store), 1, show=False)
    before, trained[:] = out.read_bytes(), []
    other = replace(condensed(tiny_store), key_frames=condensed(tiny_store).key_frames * 1.01)
    quick = {"device": "cpu"}
    for one, line in (
        (Trial.of(other, tiny_store, EvaluationOptions(**quick), protocol=QUICK), "another condensed set"),
        (trial(tiny_store, seed=1), "seed 0, not 1"),
        (trial(tiny_store, protocol=Strict(steps=3, epochs=1)), r"settings\.steps 2, not 3"),
        (trial(tiny_store, network="cnn_mean"), "network minic3d, not cnn_mean"),
        (trial(tiny_store, precision=_other(trial(tiny_store))), "precision"),
        (
            Trial.of(tiny_store, tiny_store, EvaluationOptions(**quick), protocol=QUICK),
            "another condensed set",
        ),
    ):
        with pytest.raises(VidcondenseError, match=f"{out} was made .*{line}.*another --out, or .* --force"):
            evaluate_to(out, one, 1, show=False)
    record = json.loads(before)
    for change, line in (
        ({"made_from": {**record["made_from"], "versions": {"torch": "1.0"}}}, "versions.vidcondense none"),
        ({"made_from": None}, "damaged"),
        ({"train_loss": []}, "no value of each of its 1 networks"),
        ({"confusion": [[1]]}, "no confusion of each class"),
        ({"per_class": {"a": 1.0}, "confusion": [[1]]}, "is of other classes"),
    ):
        out.write_text(json.dumps({**record, **change}))
        with pytest.raises(VidcondenseError, match=f"{line}.*another --out, or .* --force"):
            evaluate_to(out, trial(tiny_store), 1, show=False)
    del record["made_from"]
    out.write_text(json.dumps(record))
    with pytest.raises(
        VidcondenseError, match="of an earlier version and does not say what it was made from"
    ):
        evaluate_to(out, trial(tiny_store), 1, show=False)
    assert trained == []
    assert evaluate_to(out, trial(tiny_store), 1, show=False, force=True) is not None
    assert written(out) == {**json.loads(before), "seconds": 0}


def _other(one: Trial) -> str:
    return "bfloat16" if one.compute.precision == "float32" else "float32"


def test_force_trains_all_anew_and_keeps_the_file_until_then(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[int]
) -> None:
    out = tmp_path / "made.json"
    evaluate_to(out, trial(tiny_store), 2, show=False)
    before, trained[:] = out.read_bytes(), []

    def stop(*_: object) -> NetworkResult:
        raise Interrupted

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(Trial, "run", stop)
        evaluate_to(out, trial(tiny_store), 2, show=False, force=True)
    assert out.read_bytes() == before
    evaluate_to(out, trial(tiny_store), 2, show=False, force=True)
    assert trained == [0, 1]
    assert out.read_bytes() != before  # it took other seconds
    assert written(out) == {**json.loads(before), "seconds": 0}


def test_what_was_gathered_is_removed_though_the_process_that_did_so_was_killed(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "made.json"
    with monkeypatch.context() as patch:
        patch.setattr(files, "remove_folder", lambda folder: None)
        evaluate_to(out, trial(tiny_store), 2, show=False)
        assert len(list((tmp_path / "made.networks").glob("*.json"))) == 2
    third = tmp_path / "made.networks" / "002.json"  # an evaluation of three was interrupted
    third.write_text("{}")
    evaluate_to(out, trial(tiny_store), 2, show=False)
    assert [path.name for path in (tmp_path / "made.networks").iterdir()] == ["002.json"]
    third.unlink()
    evaluate_to(out, trial(tiny_store), 2, show=False)
    assert list(tmp_path.iterdir()) == [out]


def test_evaluate_with_a_file_goes_on_too(tiny_store: ClipStore, tmp_path: Path, trained: list[int]) -> None:
    options: Any = {"protocol": QUICK, "device": "cpu", "show": False}
    plain = evaluate(condensed(tiny_store), tiny_store, networks_count=2, **options)
    for count in (1, 2, 2):
        out = tmp_path / "new" / "made.json"
        made = evaluate(condensed(tiny_store), tiny_store, networks_count=count, out=out, **options)
    assert trained == [0, 1, 0, 1]
    assert made is not None
    assert {**made.to_dict(), "seconds": 0} == {**plain.to_dict(), "seconds": 0}


def test_a_second_process_is_refused(tiny_store: ClipStore, tmp_path: Path) -> None:
    with (
        files.lock_folder(files.make_folder(tmp_path / "made.networks")),
        pytest.raises(VidcondenseError, match="another process is working"),
    ):
        evaluate_to(tmp_path / "made.json", trial(tiny_store), 1, show=False)
