"""The loop: every recipe, determinism, resuming, refusals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import quick
import torch

from vidcondense.base.compute import Compute
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.recipes import load as recipe
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.loop import _cost, condense, resume
from vidcondense.run.state import State

EXACT = Compute(torch.device("cpu"), torch.float32)


def load(name: str, **overrides: object) -> Recipe:
    return quick.load(name, overrides={key.replace("__", "."): value for key, value in overrides.items()})


def run(store: ClipStore, chosen: Recipe, out: Path) -> CondensedVideos:
    return condense(store, chosen, out, precision="float32", show=False)


@pytest.mark.parametrize("name", recipe.available())
def test_every_recipe_runs_and_repeats_to_the_byte(name: str, tiny_store: ClipStore, tmp_path: Path) -> None:
    number = {} if name == "every_video" else {"vpc": 2}  # it has none, and takes all there are
    chosen = load(name, **number)
    made = run(tiny_store, chosen, tmp_path / "a")
    run(tiny_store, chosen, tmp_path / "b")
    first, second = (tmp_path / folder / "condensed.safetensors" for folder in "ab")
    assert first.read_bytes() == second.read_bytes()
    vpc = number.get("vpc", len(tiny_store.by_class("train")[0]))
    assert made.vpc == vpc
    assert made.labels[:: made.clips_per_video].tolist() == sorted([0, 1, 2] * vpc)
    assert made.render().shape == (
        3 * vpc * made.clips_per_video,
        tiny_store.frames,
        3,
        tiny_store.size,
        tiny_store.size,
    )
    described = json.loads((tmp_path / "a" / "run.json").read_text())
    assert described["status"] == "finished"
    assert described["recipe"] == chosen.to_dict()
    run(tiny_store, load(name, seed=1, **number), tmp_path / "c")
    assert (tmp_path / "c" / "condensed.safetensors").read_bytes() != first.read_bytes()


@pytest.mark.parametrize("name", ["random", "prism_small", "wang_small", "displaced"])
def test_small_frames_are_shown_as_large_as_the_stores(
    name: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    half = tiny_store.size // 2
    made = run(tiny_store, load(name, synthetic__size=half), tmp_path / "run")
    assert made.stored_size == (half, half)
    assert made.render().shape[-2:] == (tiny_store.size, tiny_store.size)


@pytest.mark.parametrize("size", [3, 32, 64])
def test_frames_are_not_stored_larger_than_they_are(size: int, tiny_store: ClipStore, tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match=f"synthetic.size is {size}, but frames of 32 pixels"):
        run(tiny_store, load("random", synthetic__size=size), tmp_path / "run")


def test_more_than_coded_video_holds_is_refused_before_anything_is_written(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    chosen = load("prism_small", storage="av1", vpc=10**6)
    with pytest.raises(VidcondenseError, match="coded video holds 1,073,741,824 values at most"):
        run(tiny_store, chosen, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_learned_labels_are_stored_and_the_precision_is_the_one_used(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    chosen = load("frepo", objective__targets_learning_rate=0.1)
    made = condense(tiny_store, chosen, tmp_path / "run", precision="bfloat16", show=False)
    classes = len(tiny_store.class_names)
    start = (torch.eye(classes) - 1 / classes) / (classes / 10) ** 0.5
    assert made.targets is not None
    assert made.targets.shape == (classes, classes)
    assert (made.targets - start).abs().max() > 0.05  # moved by its own step size
    loaded = CondensedVideos.load(tmp_path / "run" / "condensed.safetensors")
    assert loaded.targets is not None
    assert torch.equal(loaded.targets, made.targets)
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    assert described["precision"] == loaded.provenance["precision"] == "float32"
    fixed = run(tiny_store, load("frepo", objective__targets_learning_rate=0), tmp_path / "fixed")
    assert fixed.targets is not None
    torch.testing.assert_close(fixed.targets, start)


def test_the_cost_counts_learned_labels(tiny_store: ClipStore) -> None:
    big = {"vpc": 2, "objective__pool": 1}
    state = State.start(tiny_store, load("frepo", **big), EXACT)
    values = state.synthetic.stored_values + 6 * 3
    cost = _cost(state, state.match)
    assert cost.result == values * 4
    assert cost.describe().startswith(f"result {values * 4 / 2**20:.2f} MiB")


def test_insertions_are_logged_as_they_are_stored(tiny_store: ClipStore, tmp_path: Path) -> None:
    chosen = load("prism", iterations=10, insertion__threshold=1.0)  # any frame qualifies
    made = run(tiny_store, chosen, tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    events = [row for row in rows if row["event"] == "insertion"]
    inserted = [{row["position"] for row in events if row["video"] == video} for video in range(3)]
    assert made.key_positions() == [sorted({0, tiny_store.frames - 1} | positions) for positions in inserted]
    assert len(events) == 6
    assert all(2 <= row["iteration"] < 8 for row in events)


def test_dropped_key_frames_are_logged_and_their_momentum_goes(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = load("prism_small", **{**DROPPING, "iterations": 12})
    states: list[State] = []
    original = State.iterate

    def noted(self: State, *arguments: Any) -> Any:
        result = original(self, *arguments)
        states.append(self)
        idle = ~self.synthetic.is_key
        for moment in self.optimiser.state().values():
            assert not moment.ndim or not moment[idle].any()
        return result

    monkeypatch.setattr(State, "iterate", noted)
    made = run(tiny_store, chosen, tmp_path / "run")
    assert len(states) == 12
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    keys = {(video, time) for video in range(9) for time in (0, tiny_store.frames - 1)}
    dropped = 0
    for row in rows:
        place = row.get("video"), row.get("position")
        if row["event"] == "drop":
            assert row["change"] <= 0
            keys.remove(place)
            dropped += 1
        elif row["event"] == "insertion":
            assert place not in keys
            keys.add(place)
        else:
            assert row["key_frames"] == len(keys)
    assert dropped
    assert made.key_positions() == [sorted(t for v, t in keys if v == video) for video in range(9)]


@pytest.mark.parametrize("interpolation", ["linear", "nearest", "smooth"])
def test_the_four_settings_of_temporal_condensation(
    interpolation: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    chosen = load(
        "segments",
        synthetic__interpolation=interpolation,
        synthetic__initial_key_frames=2,
        objective__real_frames=2,
    )
    made = run(tiny_store, chosen, tmp_path / "run")
    assert made.key_positions() == [[0, 2]] * 3
    clips = made.render()
    assert torch.equal(clips[:, [0, 2]], clips[:, [1, 3]])
    whole = run(tiny_store, load("segments", synthetic__initial_key_frames=2), tmp_path / "whole")
    assert not torch.equal(whole.render(), clips)  # real_frames counts


def test_more_segments_than_frames_are_refused_before_anything_is_written(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    chosen = load("segments", synthetic__segments=5, synthetic__initial_key_frames=5)
    with pytest.raises(VidcondenseError, match="segments = 5 is more than the 4 frames of a clip"):
        run(tiny_store, chosen, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_random_and_uniform_insertion_can_be_held_to_the_same_storage(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    for kind in ("gradient", "random", "uniform"):
        chosen = load("prism", iterations=10, insertion__kind=kind, insertion__mean_key_frames=2.67)
        if kind != "uniform":
            chosen = chosen.replace(insertion=chosen.insertion.replace(threshold=1.0))
        assert len(run(tiny_store, chosen, tmp_path / kind).key_frames) == 8
    with pytest.raises(VidcondenseError, match="mean_key_frames = 1 must lie between"):
        run(tiny_store, load("prism", insertion__mean_key_frames=1.0), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_random_selection_is_real_clips(tiny_store: ClipStore, tmp_path: Path) -> None:
    made = run(tiny_store, load("random"), tmp_path / "run")
    train = tiny_store.select("train")
    for clip, label in zip(made.pixels(), made.labels.tolist(), strict=True):
        mine = train[tiny_store.labels[train] == label]
        frames = torch.cat([tiny_store.read(mine, mine * 0 + start) for start in (0,)])
        assert clip.shape == frames.shape[1:]
        nearest = min(
            float((clip.int() - candidate.int()).abs().max())
            for video in mine
            for start in range(int(tiny_store.lengths[video]))
            for candidate in tiny_store.read(mine[mine == video], mine[:1] * 0 + start)
        )
        assert nearest == 0


GROWING = {"iterations": 8, "insertion__threshold": 1.0, "insertion__smoothing": 0.5}
DROPPING = {**GROWING, "vpc": 3, "insertion__drop_after": 2, "insertion__cool_down": 0.0}
UNIFORM = {"iterations": 8, "vpc": 3, "insertion__kind": "uniform", "insertion__mean_key_frames": 3}


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("prism", GROWING),
        ("prism_small", GROWING),
        ("dm", {"iterations": 8}),
        ("prism_small", DROPPING),
        ("prism", {**GROWING, "vpc": 3, "insertion__kind": "random"}),
        ("prism", UNIFORM),
        ("segments_small", {"iterations": 8, "objective__real_frames": 2}),
        # Stopped after 4 iterations, in the middle of a network's life.
        ("dc", {"iterations": 6, "objective__outer_steps": 3, "objective__inner_steps": 2}),
        ("prism_gradient", {"iterations": 5, "objective__batch_real": 1}),
        ("frepo", {"iterations": 8, "objective__pool_updates": 3}),
        ("prism_frepo", GROWING),
        ("prism_small", {**GROWING, "storage": "av1", "synthetic__coded_every": 3}),
        (
            "dm",
            {"storage": "av1", "budget": 9000, "synthetic__coded_every": 4, "synthetic__rate_weight": 1e-5},
        ),
    ],
)
def test_an_interrupted_run_resumes_to_the_same_bytes(
    name: str,
    changed: dict[str, object],
    tiny_store: ClipStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = load(name, **changed)
    run(tiny_store, chosen, tmp_path / "whole")

    def signal_after(name: str, iteration: int) -> None:
        original = getattr(State, name)

        def signalled(self: State, *arguments: object) -> object:
            result = original(self, *arguments)
            if self.iteration == iteration:
                os.kill(os.getpid(), signal.SIGINT)
            return result

        monkeypatch.setattr(State, name, signalled)

    with monkeypatch.context() as monkeypatch:
        signal_after("iterate", 2)
        with pytest.raises(Interrupted, match=r"after iteration 2 of .*\n.*--resume"):
            run(tiny_store, chosen, tmp_path / "cut")
    with monkeypatch.context() as monkeypatch:
        signal_after("match", 4)  # all its work is done, and is lost
        with pytest.raises(Interrupted, match=r"after iteration 4 of .*\n.*--resume"):
            resume(tmp_path / "cut", show=False)
    with (tmp_path / "cut" / "metrics.jsonl").open("a") as file:
        file.write('{"event": "iteration", "iteration": 99}\n')  # written after the checkpoint: must go
    resume(tmp_path / "cut", show=False)
    for name in ("condensed.safetensors", "metrics.jsonl"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "cut" / "checkpoint.safetensors").exists()


@pytest.mark.parametrize("stop", [2, 3, 5])
def test_a_run_of_two_stages_resumes_to_the_same_bytes(
    stop: int, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted within the static stage of 3 iterations, between the stages, and within the second."""
    chosen = load(
        "wang_small", synthetic__static_iterations=3, iterations=4, synthetic__static_memory="learned"
    )
    whole = run(tiny_store, chosen, tmp_path / "whole")
    original = State.iterate

    def iterate(self: State, cut_short: Any) -> object:
        result = original(self, cut_short)
        if self.iteration == stop:
            os.kill(os.getpid(), signal.SIGINT)
        return result

    monkeypatch.setattr(State, "iterate", iterate)
    with pytest.raises(Interrupted, match=f"stopped after iteration {stop} of 7"):
        run(tiny_store, chosen, tmp_path / "cut")
    monkeypatch.setattr(State, "iterate", original)
    resume(tmp_path / "cut", show=False)
    for name in ("condensed.safetensors", "metrics.jsonl"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    rows = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert [row["iteration"] for row in rows] == list(range(7))
    assert [row["stage"] for row in rows] == ["static"] * 3 + ["dynamic"] * 4
    assert json.loads((tmp_path / "whole" / "run.json").read_text())["iterations"] == 7
    assert whole.vpc == 1


def test_a_recipe_may_end_with_its_static_stage(tiny_store: ClipStore, tmp_path: Path) -> None:
    made = run(tiny_store, load("wang_small", synthetic__static_iterations=2, iterations=0), tmp_path / "run")
    assert made.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_sigterm_saves_and_says_how_to_go_on(tiny_store_path: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "vidcondense",
        "condense",
        str(tiny_store_path),
        "--recipe",
        "prism",
    ]
    command += ["--set", "iterations=100000", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 60
    metrics = tmp_path / "run" / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    assert f"vidcondense condense --resume {tmp_path / 'run'}" in errors.decode()
    assert (tmp_path / "run" / "checkpoint.safetensors").exists()


def test_resume_refuses_foreign_and_changed_runs(tiny_store: ClipStore, tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match="not a run folder"):
        resume(tmp_path)
    run(tiny_store, load("random"), tmp_path / "run")
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    described["status"] = "interrupted"
    described["store"]["fingerprint"] = "other"
    (tmp_path / "run" / "run.json").write_text(json.dumps(described))
    mend = "when .* was made{}; name the store .*condense --resume .* STORE$"
    with pytest.raises(VidcondenseError, match=mend.format("")):
        resume(tmp_path / "run")
    described["store"]["classes"][1] = "juggle"
    (tmp_path / "run" / "run.json").write_text(json.dumps(described))
    differ = r" \(the classes .* differ: only the run has 'juggle'; only the store has .*\)"
    with pytest.raises(VidcondenseError, match=mend.format(differ)):
        resume(tmp_path / "run")
    del described["store"]["classes"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(described))
    with pytest.raises(VidcondenseError, match=mend.format("")):
        resume(tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text('{"format": 1, "status"')
    with pytest.raises(VidcondenseError, match="not valid JSON"):
        resume(tmp_path / "run")


def test_a_damaged_checkpoint_is_refused(tiny_store: ClipStore, tmp_path: Path) -> None:
    run(tiny_store, load("random"), tmp_path / "run")
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    described["status"] = "interrupted"
    (tmp_path / "run" / "run.json").write_text(json.dumps(described))
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"cut short")
    with pytest.raises(VidcondenseError, match="not a usable checkpoint"):
        resume(tmp_path / "run")


def test_a_checkpoint_of_another_run_and_lost_metrics_are_refused(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = State.iterate

    def iterate(self: State, cut_short: Any) -> object:
        result = original(self, cut_short)
        os.kill(os.getpid(), signal.SIGINT)
        return result

    monkeypatch.setattr(State, "iterate", iterate)
    for other in ({"vpc": 1}, {"vpc": 2}, {"seed": 1}):
        name = "".join(f"{key}{value}" for key, value in other.items())
        with pytest.raises(Interrupted):
            run(tiny_store, load("prism", **other), tmp_path / name)
    metrics, checkpoint = (tmp_path / "vpc1" / name for name in ("metrics.jsonl", "checkpoint.safetensors"))
    metrics.write_bytes(b"")
    with pytest.raises(VidcondenseError, match=r"metrics\.jsonl was cut short"):
        resume(tmp_path / "vpc1", show=False)
    for name in ("vpc2", "seed1"):  # of other shapes, and of the same
        checkpoint.write_bytes((tmp_path / name / "checkpoint.safetensors").read_bytes())
        with pytest.raises(VidcondenseError, match=r"not a checkpoint of this run .*another run's"):
            resume(tmp_path / "vpc1", show=False)


def test_a_store_of_other_length_is_refused_before_anything_is_written(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    with pytest.raises(VidcondenseError, match="clips of 4 frames, the recipe wants 16"):
        run(tiny_store, load("prism", frames=16), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_more_videos_per_class_than_there_are(tiny_store: ClipStore, tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match="has 5 training videos, fewer than vpc 6"):
        run(tiny_store, load("random", vpc=6), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_taken_folder_is_refused_and_left_alone(tiny_store: ClipStore, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(VidcondenseError, match="not an empty folder"):
        run(tiny_store, load("random"), tmp_path)
    with pytest.raises(VidcondenseError, match="not an empty folder"):
        condense(tiny_store, load("random"), tmp_path, show=False, force=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_step_size_too_large_stops_with_the_iteration_and_the_cause(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    with pytest.raises(VidcondenseError, match=r"at iteration \d+: most likely the step size 1e\+38"):
        run(tiny_store, load("dm", optimiser__learning_rate=1e38), tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_the_run_with_its_likely_cause(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    chosen = load("dm", iterations=4, optimiser__learning_rate=1e30, storage="float32")
    with pytest.raises(VidcondenseError, match=r"at iteration 1: .*step size 1e\+30 is too large; try"):
        run(tiny_store, chosen, tmp_path / "run")
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    assert described["status"] == "failed"
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["iteration"] for row in rows] == [0]
    assert not (tmp_path / "run" / "condensed.safetensors").exists()


@pytest.mark.parametrize(
    ("value", "storage", "message"),
    [
        (1.0, "float32", "the loss is (nan|inf) at iteration 1"),  # of frames of 1e30
        (
            1.0,
            "float16",
            r"frames of the synthetic set are beyond the range of float16 \(65504\) at iteration 0",
        ),
        (1e30, "float16", "frames of the synthetic set are not finite at iteration 0"),
        (float("nan"), "float16", "the gradient is not finite at iteration 0"),
    ],
)
def test_numbers_that_run_over_are_named_where_they_arise(
    value: float,
    storage: str,
    message: str,
    tiny_store: ClipStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = State.match

    def match(self: State) -> tuple[float, torch.Tensor]:
        loss, gradient = original(self)
        return loss, gradient.fill_(value)

    monkeypatch.setattr(State, "match", match)
    wild = load("dm", optimiser__learning_rate=1e30, storage=storage)
    with pytest.raises(VidcondenseError, match=rf"{message}.*--set optimiser\.learning_rate=1e"):
        condense(tiny_store, wild, tmp_path / "run", device="cpu", precision="float32", show=False)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"
    assert not (tmp_path / "run" / "condensed.safetensors").exists()


def test_a_run_whose_result_cannot_be_read_is_not_finished(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on to the same bytes."""

    def fail(path: Path) -> CondensedVideos:
        raise VidcondenseError(f"cannot read {path}: Too many open files")

    chosen, out = load("prism"), tmp_path / "run"
    whole = run(tiny_store, chosen, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(CondensedVideos, "load", fail)
        with pytest.raises(VidcondenseError, match="Too many"):
            run(tiny_store, chosen, out)
    assert json.loads((out / "run.json").read_text())["status"] == "running"
    made = resume(out, show=False)
    assert made.tensors().keys() == whole.tensors().keys()
    name = "condensed.safetensors"
    assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_run_that_was_killed_before_it_removed_its_checkpoint_is_tidied(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    made = run(tiny_store, load("prism"), out)
    before = {path.name for path in out.iterdir()}
    (out / "checkpoint.safetensors").write_bytes(b"left")
    again = resume(out, show=False)
    assert {path.name for path in out.iterdir()} == before
    assert all(torch.equal(value, again.tensors()[name]) for name, value in made.tensors().items())
