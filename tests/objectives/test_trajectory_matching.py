"""Trajectory matching against the plainly unrolled gradient in float64, and everything around it."""

import os
import signal
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import quick
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense import networks
from vidcondense.base.compute import Compute, choose, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.experts import epochs
from vidcondense.experts.buffer import Experts
from vidcondense.experts.settings import ExpertSettings
from vidcondense.experts.training import train
from vidcondense.networks.flat import FlatNetwork, flatten
from vidcondense.networks.optimiser import Optimiser
from vidcondense.objectives import Context
from vidcondense.objectives.inner_loop import InnerLoop
from vidcondense.objectives.trajectory_matching import TrajectoryMatching
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.loop import condense, resume
from vidcondense.run.state import State

EXACT = Compute(torch.device("cpu"), torch.float32)


class Smooth(nn.Module):
    """A tiny network with curvature everywhere, so that what TESLA leaves out is large."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(24, 5), nn.Linear(5, 3)

    def forward(self, clips: Tensor) -> Tensor:
        out: Tensor = self.second(torch.tanh(self.first(clips.flatten(1))))
        return out


def unrolled(
    network: FlatNetwork,
    clips: Tensor,
    labels: Tensor,
    batches: list[Tensor],
    start: Tensor,
    target: Tensor,
    rate: float = 0.3,
) -> tuple[float, Tensor, float]:
    """Loss and gradients by autograd through all steps at once."""
    shown, step_size = clips.clone().requires_grad_(), torch.tensor(rate, dtype=clips.dtype).requires_grad_()
    weights = start.clone().requires_grad_()
    for batch in batches:
        loss = F.cross_entropy(network(weights, shown[batch]), labels[batch])
        weights = weights - step_size * torch.autograd.grad(loss, weights, create_graph=True)[0]
    distance = (weights - target).square().sum() / (start - target).square().sum()
    gradient, slope = torch.autograd.grad(distance, (shown, step_size))
    return distance.item(), gradient, slope.item()


def replayed(loop: InnerLoop, start: Tensor, target: Tensor, exact: bool) -> tuple[float, Tensor, float]:
    points = loop.walk(start)
    apart = (start - target).square().sum()
    distance = (points[-1] - target).square().sum() / apart
    return distance.item(), *loop.walk_back(points, 2 * (points[-1] - target) / apart, exact=exact)


def smooth_case(steps: int, size: int, chunk: int) -> tuple[InnerLoop, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    clips = torch.randn(6, 2, 3, 2, 2, generator=rng, dtype=torch.float64)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    network = FlatNetwork(Smooth().double())  # type: ignore[arg-type]
    start, target = (torch.randn(143, generator=rng, dtype=torch.float64) for _ in range(2))
    batches = [torch.randperm(6, generator=rng)[:size] for _ in range(steps)]
    return InnerLoop(network, clips, labels, batches, 0.3, EXACT, chunk), start, target


@pytest.mark.parametrize(("steps", "size", "chunk"), [(1, 6, 6), (5, 6, 2), (5, 4, 3), (9, 1, 1)])
def test_the_gradient_is_that_of_the_unrolled_steps(steps: int, size: int, chunk: int) -> None:
    loop, start, target = smooth_case(steps, size, chunk)
    expected = unrolled(loop.network, loop.clips, loop.labels, list(loop.batches), start, target)
    loss, gradient, slope = replayed(loop, start, target, exact=True)
    assert loss == pytest.approx(expected[0], rel=1e-12)
    torch.testing.assert_close(gradient, expected[1], rtol=1e-10, atol=1e-14)
    assert slope == pytest.approx(expected[2], rel=1e-10)


def test_teslas_gradient_is_exact_for_one_step_only() -> None:
    loop, start, target = smooth_case(1, 6, 6)
    torch.testing.assert_close(replayed(loop, start, target, False), replayed(loop, start, target, True))
    loop, start, target = smooth_case(5, 6, 6)
    _, tesla, slope = replayed(loop, start, target, exact=False)
    _, exact, exact_slope = replayed(loop, start, target, exact=True)
    assert (tesla - exact).norm() > 0.1 * exact.norm()
    assert slope != pytest.approx(exact_slope, rel=0.01)
    # What it is: the gradient when every step starts from a constant.
    points = loop.walk(start)
    shown, step_size = loop.clips.clone().requires_grad_(), torch.tensor(0.3, dtype=torch.float64)
    step_size.requires_grad_()
    end = start
    for batch, point in zip(loop.batches, points[:-1], strict=True):
        weights = point.clone().requires_grad_()
        loss = F.cross_entropy(loop.network(weights, shown[batch]), loop.labels[batch])
        end = end - step_size * torch.autograd.grad(loss, weights, create_graph=True)[0]
    distance = (end - target).square().sum() / (start - target).square().sum()
    expected, expected_slope = torch.autograd.grad(distance, (shown, step_size))
    torch.testing.assert_close(tesla, expected, rtol=1e-10, atol=1e-14)
    assert slope == pytest.approx(expected_slope.item(), rel=1e-10)


def minic3d_case(
    steps: int,
    dtype: torch.dtype,
    compute: Compute,
    frames: int = 4,
    size: int = 32,
    chunk: int = 2,
    seed: int = 0,
) -> tuple[InnerLoop, Tensor, Tensor]:
    module = networks.build("minic3d", 3, frames, size).eval()
    networks.initialise(module, generator(seed))
    start = flatten(module).to(dtype)
    target = start + 0.001 * torch.randn(start.shape, generator=generator(seed + 1)).to(dtype)
    clips = torch.randn(3, frames, 3, size, size, generator=generator(seed + 2)).to(dtype)
    batches = [torch.arange(3)] * steps
    return InnerLoop(FlatNetwork(module), clips, torch.arange(3), batches, 0.3, compute, chunk), start, target


def test_minic3d_in_float32_and_bfloat16_against_float64() -> None:
    """Where two inputs of a maximum are nearly equal, the gradient jumps: one case in several may be such."""
    apart: dict[str, list[float]] = {}
    for seed in (0, 10, 20):
        loop, start, target = minic3d_case(2, torch.float64, EXACT, seed=seed)
        expected = unrolled(loop.network, loop.clips, loop.labels, list(loop.batches), start, target)
        for compute, tolerance in ((EXACT, 1e-4), (choose("cpu", "bfloat16"), 0.3)):
            for count in (
                100,
                10_000,
                1_000_000,
                3_000_000,
            ):  # whatever reads memory it never wrote meets NaN
                torch.full((count,), float("nan"))
            loop, start, target = minic3d_case(2, torch.float32, compute, seed=seed)
            loss, gradient, slope = replayed(loop, start, target, exact=True)
            assert loss == pytest.approx(expected[0], rel=tolerance)
            assert slope == pytest.approx(expected[2], rel=max(tolerance, 1e-2))
            error = (gradient - expected[1]).norm() / expected[1].norm()
            apart.setdefault(compute.precision, []).append(error.item())
    assert sorted(apart["float32"])[-2] < 1e-5, "all but one"
    assert max(apart["float32"]) < 0.02
    assert max(apart["bfloat16"]) < 0.3


@pytest.mark.parametrize(("frames", "size"), [(4, 64), (8, 40), (16, 32)])
def test_bfloat16_is_right_at_every_size(frames: int, size: int) -> None:
    fast = choose("cpu")
    if fast.dtype != torch.bfloat16:
        pytest.skip("this processor has no bfloat16 arithmetic")
    outcomes = []
    for compute in (EXACT, fast):
        for count in (100, 10_000, 1_000_000, 3_000_000):
            torch.full((count,), float("nan"))
        outcomes.append(replayed(*minic3d_case(1, torch.float32, compute, frames, size), exact=True))
    (_, gradient, slope), (_, fast_gradient, fast_slope) = outcomes
    assert (fast_gradient - gradient).norm() < 0.3 * gradient.norm()
    assert fast_slope == pytest.approx(slope, rel=0.3)


class Held:
    """Bytes that autograd keeps alive for a backward pass, now and at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def pack(self, value: Tensor) -> "Kept":
        kept = Kept(value)
        size = value.numel() * value.element_size()
        self.add(size)
        weakref.finalize(kept, self.add, -size)
        return kept

    def add(self, size: int) -> None:
        self.now += size
        self.most = max(self.most, self.now)


class Kept:
    def __init__(self, value: Tensor) -> None:
        self.value = value


def most_held(work: Callable[[], object]) -> int:
    held = Held()
    with torch.autograd.graph.saved_tensors_hooks(held.pack, lambda kept: kept.value):
        work()
    return held.most


def test_live_graphs_do_not_grow_with_the_steps() -> None:
    def replay(steps: int) -> int:
        loop, start, target = minic3d_case(steps, torch.float32, EXACT)
        return most_held(lambda: replayed(loop, start, target, exact=True))

    def unroll(steps: int) -> int:
        loop, start, target = minic3d_case(steps, torch.float32, EXACT)
        batches = list(loop.batches)
        return most_held(lambda: unrolled(loop.network, loop.clips, loop.labels, batches, start, target))

    few, many = replay(1), replay(4)
    assert few > 10**6  # something was counted
    assert many == few
    assert unroll(3) > 2 * unroll(1)  # the count sees what grows


@pytest.fixture(scope="module")
def experts(tiny_store_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Experts:
    settings = ExpertSettings(count=3, epochs=3, batch=4, learning_rate=0.1)
    folder = tmp_path_factory.mktemp("experts")
    return train(ClipStore.open(tiny_store_path), folder, settings, compute=EXACT, show=False)


def chosen(experts: Experts | None, name: str = "mtt", **overrides: object) -> Recipe:
    values = {key.replace("__", "."): value for key, value in overrides.items()}
    folder = {} if experts is None else {"objective.experts": str(experts.path)}
    return quick.load(name, overrides={**folder, **values})


def matching(store: ClipStore, experts: Experts, **settings: Any) -> TrajectoryMatching:
    """The objective on experts, itself and not in a run."""
    chosen = TrajectoryMatching.Settings(experts=str(experts.path), **settings)
    return TrajectoryMatching(chosen, Context(store, EXACT))


def test_pairs_come_from_every_expert_and_every_early_epoch(tiny_store: ClipStore, experts: Experts) -> None:
    objective = matching(tiny_store, experts, max_start_epoch=2, expert_epochs=2)
    known = {
        tuple(experts.weights(expert, epoch)[:3].tolist()): (expert, epoch)
        for expert in range(3)
        for epoch in range(4)
    }
    seen = set()
    for iteration in range(60):
        start, target = (known[tuple(weights[:3].tolist())] for weights in objective.pair(iteration))
        assert target == (start[0], start[1] + 2)
        seen.add(start)
    assert seen == {(expert, epoch) for expert in range(3) for epoch in range(2)}


def test_a_match_repeats_and_is_the_distance_left(tiny_store: ClipStore, experts: Experts) -> None:
    state = State.start(tiny_store, chosen(experts), EXACT)
    loss, gradient = state.match()
    slope = state.objective.parameters["step_size"].grad
    assert slope is not None
    again, gradient_again = state.match()
    assert (loss, slope) == (again, state.objective.parameters["step_size"].grad)
    assert torch.equal(gradient, gradient_again)
    assert gradient.shape == state.synthetic.render().shape

    assert isinstance(state.objective, TrajectoryMatching)
    start, target = state.objective.pair(0)
    module = networks.build("minic3d", 3, tiny_store.frames, tiny_store.size).eval()
    weights, clips = start.clone(), state.synthetic.render()
    for _ in range(2):
        leaf = weights.requires_grad_()
        loss_here = F.cross_entropy(FlatNetwork(module)(leaf, clips), state.synthetic.labels)
        weights = (weights - 0.01 * torch.autograd.grad(loss_here, leaf)[0]).detach()
    left = (weights - target).square().sum() / (start - target).square().sum()
    assert loss == pytest.approx(left.item(), rel=1e-4)


def test_the_gradients_of_a_match_are_those_of_the_unrolled_steps(
    tiny_store: ClipStore, experts: Experts
) -> None:
    state = State.start(tiny_store, chosen(experts), EXACT)
    loss, gradient = state.match()
    slope = state.objective.parameters["step_size"].grad
    assert slope is not None and isinstance(state.objective, TrajectoryMatching)
    start, target = state.objective.pair(0)
    module = FlatNetwork(networks.build("minic3d", 3, tiny_store.frames, tiny_store.size).eval())
    clips, labels = state.synthetic.render(), state.synthetic.labels
    expected = unrolled(module, clips, labels, [torch.arange(len(labels))] * 2, start, target, rate=0.01)
    assert loss == pytest.approx(expected[0], rel=1e-4)
    assert F.cosine_similarity(gradient.flatten(), expected[1].flatten(), dim=0) > 0.999
    assert gradient.norm() == pytest.approx(expected[1].norm().item(), rel=1e-2)
    assert slope.item() == pytest.approx(expected[2], rel=1e-2)


def test_the_step_size_has_its_own_learning_rate_and_a_floor(tiny_store: ClipStore, experts: Experts) -> None:
    state = State.start(tiny_store, chosen(experts), EXACT)
    state.match()
    slope = state.objective.parameters["step_size"].grad
    assert slope is not None
    state.iterate()
    assert state.objective.learned()["learning_rate"] == pytest.approx(0.01 - 1e-5 * slope.item(), rel=1e-5)
    state = State.start(tiny_store, chosen(experts, objective__step_size=1e-4), EXACT)
    state.iterate()
    assert state.objective.learned()["learning_rate"] == pytest.approx(1e-3)


@pytest.mark.parametrize(("size", "expected"), [(0, [6] * 5), (4, [4, 2, 4, 2, 4]), (9, [6] * 5)])
def test_inner_batches_show_each_clip_once_before_any_again(
    size: int, expected: list[int], tiny_store: ClipStore, experts: Experts
) -> None:
    objective = matching(tiny_store, experts, max_start_epoch=1, batch_synthetic=size, synthetic_steps=5)
    batches = objective.batches(3, 6)
    assert [len(batch) for batch in batches] == expected
    assert all(torch.equal(a, b) for a, b in zip(batches, objective.batches(3, 6), strict=True))
    if size == 4:
        assert sorted(torch.cat(batches[:2]).tolist()) == list(range(6))
        assert not torch.equal(torch.cat(batches), torch.cat(objective.batches(4, 6)))


def test_prism_inserts_key_frames_under_trajectory_matching(tiny_store: ClipStore, experts: Experts) -> None:
    wanted = chosen(experts, "prism_trajectory", iterations=5, insertion__threshold=1.0)
    state = State.start(tiny_store, wanted, EXACT)
    events = [event for _ in range(5) for event in state.iterate()[1]]
    assert {event.iteration for event in events} == {1, 2}
    assert state.synthetic.key_frames == 6 + len(events) == 12
    assert all(-1 < event.cosine_left < 1 and event.cosine_left != 0 for event in events)


def test_the_artifact_has_the_step_size_and_the_experts_fingerprint(
    tiny_store: ClipStore, experts: Experts, tmp_path: Path
) -> None:
    made = condense(tiny_store, chosen(experts), tmp_path / "run", precision="float32", show=False)
    loaded = CondensedVideos.load(tmp_path / "run" / "condensed.safetensors")
    assert loaded.learning_rate == made.learning_rate != 0.01
    assert loaded.provenance["experts"]["fingerprint"] == experts.fingerprint
    assert loaded.provenance["experts"]["count"] == 3
    assert str(experts.path).encode() not in (tmp_path / "run" / "condensed.safetensors").read_bytes()
    assert not (tmp_path / "run" / "experts").exists()


def test_a_run_that_trains_its_own_experts_resumes_to_the_same_bytes(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = chosen(None, "prism_trajectory", iterations=5, insertion__threshold=1.0)
    condense(tiny_store, mine, tmp_path / "whole", precision="float32", show=False)

    def interrupt(owner: object, name: str, at: int) -> None:
        original, count = getattr(owner, name), 0

        def counted(*arguments: object) -> object:
            nonlocal count
            count += 1
            if count == at:
                os.kill(os.getpid(), signal.SIGINT)
            return original(*arguments)

        monkeypatch.setattr(owner, name, counted)

    cut = tmp_path / "cut"
    interrupt(epochs, "forward", 6)
    with pytest.raises(Interrupted, match=f"while training experts.*\n.*--resume {cut}"):
        condense(tiny_store, mine, cut, precision="float32", show=False)
    assert '"interrupted"' in (cut / "run.json").read_text()
    monkeypatch.undo()
    interrupt(Optimiser, "step", 3)
    with pytest.raises(Interrupted, match="after iteration 3"):
        resume(cut, show=False)
    monkeypatch.undo()
    resume(cut, show=False)
    for name in ("condensed.safetensors", "metrics.jsonl", "experts/experts.json"):
        assert (cut / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_resuming_with_other_experts_is_refused(
    tiny_store: ClipStore, experts: Experts, tmp_path: Path
) -> None:
    state = State.start(tiny_store, chosen(experts), EXACT)
    kept = state.objective.state()
    state.objective.restore(kept)
    state.objective.prepare(tmp_path, False)
    state.objective.restore({**kept, "experts": kept["experts"].flip(0)})
    with pytest.raises(VidcondenseError, match="have changed since the run was started"):
        state.objective.prepare(tmp_path, False)


def test_bad_settings_are_refused_before_anything_is_written(
    tiny_store: ClipStore, experts: Experts, tmp_path: Path
) -> None:
    for wanted, message in (
        (chosen(None, objective__experts=str(tmp_path)), "no experts in"),
        (chosen(None, objective__expert_epochs=2), "need experts of 2 epochs, these have 1"),
        (chosen(experts, objective__max_start_epoch=4), "need experts of 4 epochs, these have 3"),
    ):
        with pytest.raises(VidcondenseError, match=message):
            condense(tiny_store, wanted, tmp_path / "run", show=False)
    for key in ("synthetic_steps", "max_start_epoch", "expert_epochs"):
        with pytest.raises(VidcondenseError, match=f"objective.{key} must be a whole number >= 1, not 0"):
            chosen(experts, **{f"objective__{key}": 0})
    with pytest.raises(
        VidcondenseError, match=r"objective\.step_size must be a number >= 1\.2e-38, not 0\.0"
    ):
        chosen(experts, objective__step_size=0.0)
    assert not (tmp_path / "run").exists()


def test_experts_that_stand_still_are_refused(
    tiny_store: ClipStore, experts: Experts, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State.start(tiny_store, chosen(experts), EXACT)
    monkeypatch.setattr(Experts, "weights", lambda *_: torch.ones(5))
    with pytest.raises(VidcondenseError, match="does not move between epochs"):
        state.match()
