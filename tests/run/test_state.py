"""One iteration: what it changes, what it leaves, and what brings it back."""

from dataclasses import replace
from pathlib import Path

import pytest
import quick
import torch

from vidcondense.base.compute import Compute, choose
from vidcondense.data.store import ClipStore
from vidcondense.objectives import OBJECTIVES
from vidcondense.recipes import load as recipes
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.loop import condense
from vidcondense.run.state import State

EXACT = Compute(torch.device("cpu"), torch.float32)


def load(name: str, **overrides: object) -> Recipe:
    return quick.load(name, overrides={key.replace("__", "."): value for key, value in overrides.items()})


def test_matching_lowers_the_loss_and_moves_key_frames_only(tiny_store: ClipStore) -> None:
    chosen = load(
        "prism_small",
        iterations=40,
        insertion__kind="none",
        objective__batch_real=5,
        synthetic__init="noise",
        optimiser__low_pass=0.0,
    )
    state = State.start(tiny_store, chosen, EXACT)
    start = state.synthetic.values.detach().clone()
    before, _ = state.match()
    for _ in range(10):
        state.iterate()
    state.iteration = 0  # the same network and real clips as at the start
    after, _ = state.match()
    assert after < 0.8 * before
    moved = (state.synthetic.values.detach() != start).flatten(2).any(2)
    assert torch.equal(moved, state.synthetic.is_key)


def test_small_key_frames_get_the_gradient_of_what_is_shown(tiny_store: ClipStore) -> None:
    state = State.start(tiny_store, load("dm_small", synthetic__size=16, synthetic__init="noise"), EXACT)
    _, gradient = state.match()
    direction = torch.randn(gradient.shape, generator=torch.Generator().manual_seed(0))
    step = 1e-3
    losses = []
    for sign in (1, -1):
        with torch.no_grad():
            state.synthetic.values += sign * step * direction
        losses.append(state.match()[0])
        with torch.no_grad():
            state.synthetic.values -= sign * step * direction
    assert gradient.shape == state.synthetic.values.shape
    assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(
        (gradient * direction).sum().item(), rel=0.02
    )


@pytest.mark.parametrize("memory", ["frozen", "learned"])
def test_each_stage_learns_its_own(memory: str, tiny_store: ClipStore) -> None:
    chosen = load("wang_small", synthetic__static_iterations=2, iterations=2, synthetic__static_memory=memory)
    state = State.start(tiny_store, chosen, EXACT)

    def step() -> set[str]:
        before = {name: value.detach().clone() for name, value in state.synthetic.values.items()}
        state.iterate()
        return {
            name for name, value in state.synthetic.values.items() if not torch.equal(value, before[name])
        }

    second = {"dynamic", "hallucinator_weight", "hallucinator_bias"}
    second |= {"static"} if memory == "learned" else set()
    assert [step() for _ in range(4)] == [{"static"}, {"static"}, second, second]
    # The cosine schedule begins anew with a stage: its second and last iteration has half the step size.
    rates = {group["name"]: group["lr"] for group in state.optimiser.torch.param_groups}
    wanted = {"static": 0.05, "dynamic": 0.05, "hallucinator_weight": 0.005, "hallucinator_bias": 0.005}
    assert rates == pytest.approx({name: wanted[name] for name in second})


def test_the_static_stage_learns_from_stills(tiny_store: ClipStore) -> None:
    wanted = {"synthetic__init": "noise", "optimiser__schedule": "constant", "objective__batch_real": 5}
    state = State.start(
        tiny_store, load("wang_small", synthetic__static_iterations=9, iterations=0, **wanted), EXACT
    )
    assert state.objective.context.store.stride == 0
    assert state.objective.context.vpc == 2
    before, _ = state.match()
    for _ in range(8):
        state.iterate()
    state.iteration = 0  # the same network and real frames as at the start
    after, _ = state.match()
    assert after < 0.7 * before
    state.iteration = 8
    state.iterate()
    assert state.stage.name == "dynamic"
    assert state.objective.context.store is tiny_store


@pytest.mark.parametrize("objective", OBJECTIVES.members())
@pytest.mark.parametrize("kind", ["key_frames", "every_frame", "static_dynamic", "displaced"])
def test_every_representation_learns_under_every_objective(
    kind: str, objective: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    kinds = {"synthetic.kind": kind, "objective.kind": objective}
    quickly = {key: value for key, value in quick.FEWER.items() if "static" not in key}
    read = recipes.load("dm", overrides=kinds).keys()
    overrides = {"iterations": 2, "optimiser.learning_rate": 0.01, **quickly, "objective.pool": 1}
    overrides = {key: value for key, value in overrides.items() if key in read}
    chosen = recipes.load("dm", overrides={**kinds, **overrides})
    state = State.start(tiny_store, chosen, EXACT)
    start = {name: value.detach().clone() for name, value in state.synthetic.parameters.items()}
    made = condense(tiny_store, chosen, tmp_path / "run", precision="float32", show=False)
    assert made.render().isfinite().all()
    stored = {"frames": "key_frames"}
    for name, value in start.items():
        found = made.tensors()[stored.get(name, name)]
        rows = getattr(state.synthetic, "is_key", ...)
        wanted = value.flatten(0, value.ndim - found.ndim) if rows is ... or name != "frames" else value[rows]
        assert found.shape == wanted.shape and not torch.equal(found, wanted), name


def test_a_checkpoint_of_other_shapes_is_refused(tiny_store: ClipStore) -> None:
    """Copying would repeat what is too small."""
    state = State.start(tiny_store, load("prism"), choose("cpu"))
    state.iterate()
    whole = state.checkpoint(0)
    state.restore(whole)
    tensors = {name: dict(one) for name, one in whole.tensors.items()}
    tensors["synthetic"]["frames"] = tensors["synthetic"]["frames"][:1]
    with pytest.raises(KeyError, match=r"synthetic\.frames of shape"):
        state.restore(replace(whole, tensors=tensors))
    moments = {key: value[:1] if value.ndim else value for key, value in whole.tensors["optimiser"].items()}
    fresh = State.start(tiny_store, load("prism"), choose("cpu"))
    with pytest.raises(RuntimeError, match="a moment of shape"):
        fresh.restore(replace(whole, tensors={**whole.tensors, "optimiser": moments}))
    with pytest.raises(KeyError, match="after the last"):
        state.restore(replace(whole, iteration=99))


def test_a_checkpoint_with_broken_numbers_is_refused(tiny_store: ClipStore) -> None:
    first = State.start(tiny_store, load("prism"), EXACT)
    first.iterate()
    whole = first.checkpoint(0)
    broken = {name: {key: value.clone() for key, value in one.items()} for name, one in whole.tensors.items()}
    broken["synthetic"]["frames"][0, 0, 0, 0, 0] = torch.nan
    with pytest.raises(KeyError, match=r"synthetic\.frames with values that are not finite"):
        first.restore(replace(whole, tensors=broken))
