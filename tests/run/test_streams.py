"""The same seed on two splits shares no random number; runs of earlier versions keep theirs."""

from pathlib import Path

import quick
import torch

from vidcondense import ClipStore, condense
from vidcondense.base.compute import Compute, root_seed
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.evaluation.protocols import Strong
from vidcondense.evaluation.trial import Trial
from vidcondense.run.state import State

EXACT = Compute(torch.device("cpu"), torch.float32)


def other(store: ClipStore) -> ClipStore:
    """The same videos under another name of the split."""
    found = ClipStore.open(store.path)
    found.split = "2"
    return found


def test_roots_differ_by_seed_and_split() -> None:
    roots = {root_seed(seed, split) for seed in range(20) for split in ("1", "2", "3")}
    assert len(roots) == 60
    assert all(0 <= root < 2**63 for root in roots)


def test_condensing_starts_and_matches_otherwise_on_another_split(tiny_store: ClipStore) -> None:
    recipe = quick.load("dm", overrides={"synthetic.init": "noise"})
    first, again, second = (
        State.start(store, recipe, EXACT) for store in (tiny_store, tiny_store, other(tiny_store))
    )
    assert torch.equal(first.synthetic.render(), again.synthetic.render())
    assert not torch.equal(first.synthetic.render(), second.synthetic.render())
    clips = first.synthetic.render()
    losses = [state.objective.match(0, clips, state.synthetic.labels)[0] for state in (first, again, second)]
    assert losses[0] == losses[1] != losses[2]  # other networks
    earlier = [State.start(store, recipe, EXACT, seed=0) for store in (tiny_store, other(tiny_store))]
    assert torch.equal(*(state.synthetic.render() for state in earlier))


def test_later_stages_go_on_with_the_same_root(tiny_store: ClipStore) -> None:
    state = State.start(tiny_store, quick.load("wang"), EXACT)
    state.enter(state.recipe.all_iterations - 1)
    assert state.stage != state.recipe.stages[0]
    assert state.objective.context.seed == state.seed == root_seed(state.recipe.seed, tiny_store.split)


def test_coresets_choose_otherwise_on_another_split(tiny_store: ClipStore, tmp_path: Path) -> None:
    recipe = quick.load("random")
    one, two = (
        condense(store, recipe, tmp_path / store.split, device="cpu", show=False)
        for store in (tiny_store, other(tiny_store))
    )
    assert not torch.equal(one.render(), two.render())
    assert one.provenance["recipe"]["seed"] == 0


def test_networks_of_an_evaluation_differ_on_another_split(tiny_store: ClipStore, tmp_path: Path) -> None:
    recipe = quick.load("random")
    made = condense(tiny_store, recipe, tmp_path, device="cpu", show=False)
    options = EvaluationOptions(device="cpu")
    losses = [
        Trial.of(made, store, options, protocol=Strong(steps=2, epochs=1)).run(0, lambda loss: None).loss
        for store in (tiny_store, tiny_store, other(tiny_store))
    ]
    assert losses[0] == losses[1] != losses[2]
