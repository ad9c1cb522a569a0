"""Expert trajectories: training, resuming to the same bytes, refusals."""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save

from vidcondense import networks
from vidcondense.base.compute import Compute, generator, root_seed
from vidcondense.base.errors import UnitsFailed, VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.data.store import ClipStore
from vidcondense.experts import epochs
from vidcondense.experts import expert as unit
from vidcondense.experts.buffer import Experts
from vidcondense.experts.settings import ExpertSettings
from vidcondense.experts.training import train
from vidcondense.networks.flat import FlatNetwork, flatten
from vidcondense.work import queue

EXACT = Compute(torch.device("cpu"), torch.float32)
FEW = ExpertSettings(count=2, epochs=2, batch=4)


def trained(store: ClipStore, out: Path, settings: ExpertSettings = FEW, **options: object) -> Experts:
    return train(store, out, settings, **{"compute": EXACT, "show": False, **options})  # type: ignore[arg-type]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_same_arguments_give_the_same_bytes_and_every_epoch_its_own_weights(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    experts = trained(tiny_store, tmp_path / "a")
    torch.manual_seed(1)  # the caller's generator must not matter
    trained(tiny_store, tmp_path / "b")
    files = tree(tmp_path / "a")
    assert files == tree(tmp_path / "b")
    assert sorted(files) == [
        *("expert-000/epoch-000.safetensors", "expert-000/epoch-001.safetensors"),
        *("expert-000/epoch-002.safetensors", "expert-001/epoch-000.safetensors"),
        *("expert-001/epoch-001.safetensors", "expert-001/epoch-002.safetensors"),
        "experts.json",
    ]
    assert experts.finished == 2
    for expert in range(2):
        # Had the weights been kept without a copy, every epoch would hold the last one's.
        start, middle, end = (experts.weights(expert, epoch) for epoch in range(3))
        assert len({weights.numpy().tobytes() for weights in (start, middle, end)}) == 3
        fresh = networks.build("minic3d", 3, tiny_store.frames, tiny_store.size)
        networks.initialise(fresh, generator(root_seed(0, "1"), "expert", expert))
        assert torch.equal(start, flatten(fresh))
    assert experts.records[0][0].loss is None
    assert all(0 < epoch.loss < 5 and 0 <= epoch.accuracy <= 1 for epoch in experts.records[0][1:])  # type: ignore[operator]
    assert trained(tiny_store, tmp_path / "c", seed=1).fingerprint != experts.fingerprint


def test_one_epoch_is_sgd_on_every_training_video_once(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[np.ndarray, np.ndarray]] = []
    read = ClipStore.read

    def spy(self: ClipStore, videos: np.ndarray, starts: np.ndarray, *rest: object) -> torch.Tensor:
        shown.append((videos, starts))
        return read(self, videos, starts)

    monkeypatch.setattr(ClipStore, "read", spy)
    monkeypatch.setattr(Compute, "chunk", lambda *_: 3)
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda self, x: x)
    experts = trained(tiny_store, tmp_path, ExpertSettings(count=1, epochs=1, batch=4), flip=0.0)
    videos = np.concatenate([videos for videos, _ in shown])
    starts = np.concatenate([starts for _, starts in shown])
    assert sorted(videos.tolist()) == tiny_store.select("train").tolist()
    assert videos.tolist() != sorted(videos.tolist())

    weights = experts.weights(0, 0).double()
    network = FlatNetwork(networks.build("minic3d", 3, tiny_store.frames, tiny_store.size).double())
    losses, right = [], 0
    for first in range(0, len(videos), 4):
        part = slice(first, first + 4)
        mean, std = (torch.tensor(values).view(3, 1, 1).double() for values in (IMAGENET_MEAN, IMAGENET_STD))
        clips = (read(tiny_store, videos[part], starts[part]).double() / 255 - mean) / std
        labels = torch.from_numpy(tiny_store.labels[videos[part]])
        leaf = weights.clone().requires_grad_()
        scores = network(leaf, clips)
        loss = F.cross_entropy(scores, labels)
        weights = weights - 0.01 * torch.autograd.grad(loss, leaf)[0]
        losses += [loss.item()] * len(labels)
        right += int((scores.argmax(1) == labels).sum())
    torch.testing.assert_close(experts.weights(0, 1).double(), weights, rtol=1e-4, atol=1e-7)
    assert experts.records[0][1].loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert experts.records[0][1].accuracy == pytest.approx(right / len(videos))


@pytest.mark.parametrize(("steps", "passes"), [(0, 1), (4, 1), (5, 2), (9, 3)])  # of 15 clips, 4 at a time
def test_an_epoch_has_at_least_so_many_steps(
    steps: int, passes: int, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    step = torch.optim.SGD.step
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self: (taken.append(1), step(self)))
    trained(tiny_store, tmp_path, ExpertSettings(count=1, epochs=1, steps=steps, batch=4))
    assert len(taken) == 4 * passes


def test_another_split_has_other_random_numbers(tiny_store: ClipStore, tmp_path: Path) -> None:
    few = ExpertSettings(count=1, epochs=1, batch=8)
    first = trained(tiny_store, tmp_path / "1", few)
    tiny_store.split = "2"
    second = trained(tiny_store, tmp_path / "2", few)
    assert not torch.equal(first.weights(0, 0), second.weights(0, 0))


def test_experts_of_an_earlier_version_open_and_grow_as_they_began(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    few = ExpertSettings(count=1, epochs=1, batch=8)
    experts = trained(tiny_store, tmp_path, few)
    del experts.plan["streams"], experts.plan["settings"]["steps"]
    experts.records = [[]]
    experts.save()
    assert trained(tiny_store, tmp_path, few).root == 0
    grown = trained(tiny_store, tmp_path, few.replace(epochs=2))
    fresh = networks.build("minic3d", 3, tiny_store.frames, tiny_store.size)
    networks.initialise(fresh, generator(0, "expert", 0))
    assert torch.equal(grown.weights(0, 0), flatten(fresh))
    assert "streams" not in Experts.open(tmp_path).plan


def test_experts_that_have_hardly_learned_are_warned_of(
    tiny_store: ClipStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tiny_store, tmp_path, ExpertSettings(count=1, epochs=1, learning_rate=1e-6), compute=EXACT)
    assert re.search(
        r"warning: .* hardly learned: their loss at the end is 1\.\d+, and guessing gives 1\.099; .*--steps",
        capsys.readouterr().err,
    )
    experts = Experts.open(tmp_path)
    for loss, doubted in ((1.0, True), (0.98, False), (0.2, False)):  # 0.9 of log 3 is 0.989
        experts.records[0][-1] = replace(experts.records[0][-1], loss=loss)
        assert bool(experts.doubt()) == doubted


def test_clips_are_mirrored_with_the_probability_given(tiny_store: ClipStore) -> None:
    for flip in (0.0, 0.5, 1.0):
        rng = np.random.default_rng(0)
        drawn = [part.flips for _ in range(40) for part in epochs.batches(tiny_store, 4, flip, rng)]
        assert np.concatenate(drawn).mean() == pytest.approx(flip, abs=0.1)


def test_any_number_of_processes_trains_the_same(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one of them was killed, and where some epochs were there before."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    small = {"network": "cnn_mean"}
    trained(tiny_store, tmp_path / "one", **small)
    trained(tiny_store, tmp_path / "two", replace(FEW, epochs=1), **small)
    lone = Experts.open(tmp_path / "two")
    lone.plan["settings"]["epochs"] = 2
    lone.save()
    unit.main(tmp_path / "two", tiny_store.path, "cpu", 1)  # and then its command was killed
    assert (tmp_path / "two" / "expert-001" / "record.json").is_file()
    trained(tiny_store, tmp_path / "two", jobs=2, **small)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_experts_that_fail_are_listed_and_the_others_kept(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_TRIES", 1)
    few = ExpertSettings(count=2, epochs=1, batch=4)
    (tmp_path / "a").mkdir()
    trained(tiny_store, tmp_path / "a", replace(few, count=1), network="cnn_mean")
    (tmp_path / "a" / "expert-001").write_text("in the way")
    with pytest.raises(UnitsFailed, match=r"failed: expert-2.*expert-001") as error:
        trained(tiny_store, tmp_path / "a", few, network="cnn_mean", jobs=2)
    assert "1 of 2 units failed" in str(error.value).splitlines()[-1]
    (tmp_path / "a" / "expert-001").unlink()
    assert trained(tiny_store, tmp_path / "a", few, network="cnn_mean").finished == 2


@pytest.mark.parametrize("batches", [1, 6, 10])
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    batches: int, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(tiny_store, tmp_path / "whole")
    original, count = epochs.forward, 0

    def scores(*arguments: object) -> torch.Tensor:
        nonlocal count
        count += 1
        if count == batches:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(epochs, "forward", scores)
    with pytest.raises(Interrupted, match="run the same command again"):
        trained(tiny_store, tmp_path / "cut")
    held = {name: data for name, data in tree(tmp_path / "cut").items() if name != "experts.json"}
    assert held.items() < tree(tmp_path / "whole").items()
    monkeypatch.setattr(epochs, "forward", original)
    trained(tiny_store, tmp_path / "cut")
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")


def test_ctrl_c_ends_the_command_with_130(tiny_store_path: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vidcondense", "experts", str(tiny_store_path), "--out", str(tmp_path)]
    command += ["--epochs", "30", "--experts", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 60
    while not (tmp_path / "expert-000").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in errors.decode()
    assert "1 experts of 30 epochs" in errors.decode()  # the cost came first
    assert len(Experts.open(tmp_path).records[0]) >= 1


def test_more_experts_and_epochs_keep_what_is_there(tiny_store: ClipStore, tmp_path: Path) -> None:
    trained(tiny_store, tmp_path / "grown", ExpertSettings(count=1, epochs=1, batch=4))
    trained(tiny_store, tmp_path / "grown")
    trained(tiny_store, tmp_path / "whole")
    assert tree(tmp_path / "grown") == tree(tmp_path / "whole")
    with pytest.raises(VidcondenseError, match=r"made with count 2, not 1"):
        trained(tiny_store, tmp_path / "grown", ExpertSettings(count=1, epochs=2, batch=4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 3}, "made with seed 0, not 3.*another --out, or .* --force"),
        ({"flip": 0.0}, "made with flip 0.5, not 0.0.*another --out, or .* --force"),
        (
            {"settings": ExpertSettings(count=2, epochs=2, batch=5)},
            "made with batch 4, not 5.*another --out, or .* --force",
        ),
        ({"compute": Compute(torch.device("cpu"), torch.bfloat16)}, "precision float32, not bfloat16"),
    ],
)
def test_a_folder_of_other_experts_is_refused_and_left_alone(
    options: dict[str, object], message: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    trained(tiny_store, tmp_path / "a", ExpertSettings(count=1, epochs=1, batch=4))
    before = tree(tmp_path)
    with pytest.raises(VidcondenseError, match=message):
        trained(tiny_store, tmp_path / "a", **options)
    assert tree(tmp_path) == before


def test_finished_experts_are_said_to_be_there(
    tiny_store: ClipStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tiny_store, tmp_path / "a")
    before = tree(tmp_path)
    train(tiny_store, tmp_path / "a", FEW, compute=EXACT)
    assert "has these experts already: nothing to do\n" in capsys.readouterr().err
    assert tree(tmp_path) == before


def test_force_trains_anew_and_leaves_what_is_not_of_experts(tiny_store: ClipStore, tmp_path: Path) -> None:
    trained(tiny_store, tmp_path / "a", ExpertSettings(count=3, epochs=2, batch=4))
    (tmp_path / "a" / "notes.txt").write_text("mine")
    few = ExpertSettings(count=1, epochs=1, batch=5)
    trained(tiny_store, tmp_path / "a", few, force=True)
    trained(tiny_store, tmp_path / "b", few)
    assert tree(tmp_path / "a") == {**tree(tmp_path / "b"), "notes.txt": b"mine"}
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "notes.txt").write_text("mine")
    with pytest.raises(VidcondenseError, match="not an empty folder"):
        trained(tiny_store, tmp_path / "c", few, force=True)
    assert tree(tmp_path / "c") == {"notes.txt": b"mine"}


def test_stopped_while_experts_are_removed_either_command_goes_on(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(tiny_store, tmp_path / "a")
    before, remove, removed = tree(tmp_path / "a"), shutil.rmtree, []

    def stopped(path: Path, **named: object) -> None:
        removed.append(path)
        if len(removed) == 2:
            raise KeyboardInterrupt
        remove(path)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", stopped)
        trained(tiny_store, tmp_path / "a", seed=1, force=True)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    trained(tiny_store, tmp_path / "a")
    assert tree(tmp_path / "a") == before
    trained(tiny_store, tmp_path / "b", seed=1, force=True)
    trained(tiny_store, tmp_path / "c", seed=1)
    assert tree(tmp_path / "b") == tree(tmp_path / "c")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip": float("nan")}, r"flip must be a number >= 0\.0, not nan"),
        ({"flip": 1.5}, r"flip must be a number <= 1\.0, not 1\.5"),
        ({"seed": -1}, "seed must be a whole number >= 0, not -1"),
        ({"seed": 2**63}, "seed must be a whole number <= 9223372036854775807"),
    ],
)
def test_numbers_out_of_range_are_refused_first(
    options: dict[str, object], message: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    with pytest.raises(VidcondenseError, match=message):
        trained(tiny_store, tmp_path / "a", **options)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("learning_rate", 1e-60, r"a number >= 1\.2e-38, not 1e-60"),
        ("learning_rate", 0.0, r"a number >= 1\.2e-38, not 0\.0"),
        ("learning_rate", float("nan"), r"a number >= 1\.2e-38, not nan"),
        ("learning_rate", float("inf"), r"a number <= 3e\+38, not inf"),
        ("count", 100_001, "a whole number <= 100000, not 100001"),
        ("epochs", 10**20, "<= 100000, not 100000000000000000000"),
        ("batch", 1_000_001, "<= 1000000, not 1000001"),
        ("batch", 1.5, "a whole number, not 1.5"),
    ],
)
def test_settings_out_of_range_are_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(VidcondenseError, match=rf"experts\.{field} .*{message}"):
        ExpertSettings(**{field: value})  # type: ignore[arg-type]


def test_foreign_folders_are_refused(tiny_store: ClipStore, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(VidcondenseError, match="not an empty folder"):
        trained(tiny_store, tmp_path)
    with pytest.raises(VidcondenseError, match=r"has no experts\.json; train some with"):
        Experts.open(tmp_path)
    for text, message in (
        ("{", "not valid JSON"),
        ('{"format": 2, "versions": {"vidcondense": "7.1"}}', "newer vidcondense '7.1'; .*upgrade"),
        ('{"format": 0}', "not written by this"),
        ('{"format": 1, "plan": {}}', "is damaged"),
    ):
        (tmp_path / "experts.json").write_text(text)
        with pytest.raises(VidcondenseError, match=message):
            Experts.open(tmp_path)


@pytest.mark.parametrize("harm", ["missing", "short", "changed"])
def test_damaged_weights_are_refused_and_trained_again(
    harm: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    experts = trained(tiny_store, tmp_path / "a")
    before = tree(tmp_path / "a")
    file = experts.file(1, 1)
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(data[:-4] if harm == "short" else data)
    with pytest.raises(VidcondenseError, match=r"expert-001/epoch-001\.safetensors.*again"):
        experts.weights(1, 1)
    trained(tiny_store, tmp_path / "a")
    assert tree(tmp_path / "a") == before


def test_a_full_disk_is_one_line_and_training_can_go_on(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ExpertSettings(count=1, epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 20_000_000}))
        with pytest.raises(VidcondenseError, match=r"need 0\.0 GB more|free; choose another disk"):
            trained(tiny_store, tmp_path / "a", small)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(VidcondenseError, match=r"cannot write .*epoch-000\.safetensors: File too large"):
            trained(tiny_store, tmp_path / "a", small)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    trained(tiny_store, tmp_path / "a", small)
    trained(tiny_store, tmp_path / "b", small)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_a_diverged_expert_is_an_error_with_the_cause(tiny_store: ClipStore, tmp_path: Path) -> None:
    wild = ExpertSettings(count=1, epochs=3, batch=4, learning_rate=1e9)
    with pytest.raises(VidcondenseError, match=r"expert 1 diverged in epoch \d.*1e\+09 is too large"):
        trained(tiny_store, tmp_path, wild)


def test_experts_of_another_store_split_or_network_are_refused(tiny_store: ClipStore, tmp_path: Path) -> None:
    experts = trained(tiny_store, tmp_path, ExpertSettings(count=1, epochs=1))
    network = networks.build("minic3d", 3, tiny_store.frames, tiny_store.size)
    experts.check(tiny_store, "minic3d", network)
    with pytest.raises(VidcondenseError, match="--set network=minic3d"):
        experts.check(tiny_store, "other", network)
    with pytest.raises(VidcondenseError, match="another version of minic3d"):
        experts.check(tiny_store, "minic3d", torch.nn.Linear(2, 2))
    experts.plan["settings"]["count"] = 2
    with pytest.raises(VidcondenseError, match="only 1 of 2 experts"):
        experts.check(tiny_store, "minic3d", network)
    tiny_store.fingerprint = "other"
    with pytest.raises(VidcondenseError, match="trained on store 'clips', split 1, which is not"):
        experts.check(tiny_store, "minic3d", network)


def test_the_index_says_what_they_are(tiny_store: ClipStore, tmp_path: Path) -> None:
    trained(tiny_store, tmp_path, ExpertSettings(count=1, epochs=1))
    index = json.loads((tmp_path / "experts.json").read_text())
    assert index["plan"]["store"] == {
        "name": tiny_store.name,
        "fingerprint": tiny_store.fingerprint,
        "split": tiny_store.split,
    }
    settings = {
        "count": 1,
        "epochs": 1,
        "steps": 0,
        "batch": 256,
        "learning_rate": 0.01,
        "flip": 0.5,
        "seed": 0,
    }
    assert index["plan"]["settings"] == settings
    assert index["plan"]["network"] == "minic3d"
    assert index["parameters"][0] == ["conv1.weight", [64, 3, 3, 7, 7]]
    assert set(index["versions"]) == {"vidcondense", "torch", "python"}
    assert len(index["experts"]) == 1 and len(index["experts"][0]) == 2
    assert str(tmp_path) not in json.dumps(index)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one: one.update(experts=[[{"loss": 0.5}]] * 2), r"`accuracy` - at `\$\.experts\[0\]\[0\]`"),
        (lambda one: one.update(experts=[]), "no record of each expert"),
        (lambda one: one["plan"].pop("network"), r"`network` - at `\$\.plan`"),
        (
            lambda one: one["plan"]["settings"].update(count="2"),
            r"Expected `int`, got `str` - at `\$\.plan\.settings\.count`",
        ),
        (lambda one: one["plan"]["settings"].update(epochs=0), "no record of each expert"),
        (lambda one: one.update(parameters=[["w", [1.5]]]), r"`\$\.parameters\[0\]\[1\]\[0\]`"),
        (lambda one: one.update(parameters=[["w"]]), r"length 2, got 1 - at `\$\.parameters\[0\]`"),
    ],
)
def test_an_index_that_makes_no_sense_is_refused(
    change: Callable[[Any], Any], message: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    trained(tiny_store, tmp_path, ExpertSettings(count=1, epochs=1, batch=8))
    values = json.loads((tmp_path / "experts.json").read_text())
    change(values)
    (tmp_path / "experts.json").write_text(json.dumps(values))
    with pytest.raises(VidcondenseError, match=rf"experts\.json is damaged .*{message}"):
        Experts.open(tmp_path)


@pytest.mark.parametrize("value", [torch.zeros(3), torch.tensor(float("nan")), None])
def test_weights_of_another_shape_or_kind_are_refused(
    value: torch.Tensor | None, tiny_store: ClipStore, tmp_path: Path
) -> None:
    """Whoever changes the file can change its hash too."""
    experts = trained(tiny_store, tmp_path, ExpertSettings(count=1, epochs=1, batch=8))
    weights = experts.weights(0, 1)
    changed = weights.double() if value is None else value if value.ndim else weights.fill_(value.item())
    data = save({"weights": changed})
    experts.file(0, 1).write_bytes(data)
    experts.records[0][1] = replace(experts.records[0][1], sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(VidcondenseError, match="finite float32 weights; run"):
        experts.weights(0, 1)
