"""Every frame: which videos are learned, and that the others stay the real clips that they began as."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import quick
import torch

from vidcondense import ClipStore, VidcondenseError, condense
from vidcondense.base.compute import Compute, root_seed
from vidcondense.coresets.features import Features
from vidcondense.coresets.herding import Herding
from vidcondense.recipes import load as recipes
from vidcondense.run.state import State
from vidcondense.synthetic import EveryFrame, Start
from vidcondense.synthetic.every_frame import last_of_each

EXACT = Compute(torch.device("cpu"), torch.float32)
MIXED = {"vpc": 3, "iterations": 4, "synthetic.init": "herding", "synthetic.learned": 0.5}


@pytest.mark.parametrize("share", [0.01, 0.07, 0.25, 1 / 3, 0.5, 0.9, 1.0])
def test_the_last_of_each_class_are_learned(share: float) -> None:
    labels = torch.tensor([2] * 3 + [4] * 100 + [5])
    found = last_of_each(labels, share)
    for label in (2, 4, 5):
        mine = found[labels == label].tolist()
        learned = next(n for n in range(1, len(mine) + 1) if n + 1e-9 >= share * len(mine))
        assert mine == [False] * (len(mine) - learned) + [True] * learned
    assert last_of_each(torch.arange(3).repeat_interleave(2), 1e-9).tolist() == [False, True] * 3


def test_the_gradient_of_clips_that_stay_is_zero_and_of_others_its_own() -> None:
    gradient = torch.randn(4, 2, 3, 2, 2)
    made = EveryFrame(torch.randn_like(gradient), torch.tensor([0, 0, 1, 1]), 0.5)
    given = gradient.clone()
    made.pull_back(given)
    assert made.values.grad is not None
    assert torch.equal(made.values.grad[1::2], gradient[1::2]) and not made.values.grad[::2].any()
    assert torch.equal(given, gradient), "what was given is as it was"
    assert made.key_frames == 8


@pytest.mark.parametrize("name", ["dm_small", "dm"])  # adam with a low-pass filter, and sgd with momentum
@pytest.mark.parametrize("init", ["herding", "real"])
def test_clips_that_stay_do_not_move(name: str, init: str, tiny_store: ClipStore) -> None:
    chosen = recipes.load(
        name, overrides={**MIXED, "synthetic.init": init, "objective.batch_real": 3, "synthetic.learned": 0.6}
    )
    state = State.start(tiny_store, chosen, EXACT)
    before = state.synthetic.render().clone()
    for _ in range(4):
        state.iterate()
    moved = (state.synthetic.render() != before).flatten(1).any(1)
    assert moved.tolist() == [False, True, True] * 3


def test_matching_sees_the_clips_that_stay(tiny_store: ClipStore) -> None:
    """What a learned clip is pulled to depends on the real ones beside it."""
    state = State.start(tiny_store, recipes.load("dm_small", overrides=MIXED), EXACT)
    _, gradient = state.match()
    with torch.no_grad():
        state.synthetic.parameters["frames"][0] *= 0.5  # of the first class, not learned
    _, other = state.match()
    assert not torch.allclose(gradient[2], other[2])
    torch.testing.assert_close(gradient[5], other[5])


def test_a_mixed_set_keeps_the_first_clips_of_herding(tiny_store: ClipStore, tmp_path: Path) -> None:
    chosen = quick.load("dm_small", overrides=MIXED)
    options: Any = {"precision": "float32", "show": False}
    made = condense(tiny_store, chosen, tmp_path / "mixed", **options)
    kept = condense(
        tiny_store, recipes.load("herding", overrides={"vpc": 3}), tmp_path / "herding", **options
    )
    same = [torch.equal(*pair) for pair in zip(made.pixels(), kept.pixels(), strict=True)]
    assert same == [True, False, False] * 3


@pytest.mark.parametrize("init", ["noise", "mean"])
def test_a_share_needs_real_clips_to_start_from(init: str) -> None:
    with pytest.raises(VidcondenseError, match=rf'learned = 0.5 .* "{init}" .* synthetic.init = "herding"'):
        EveryFrame.Settings(init=init, learned=0.5)  # type: ignore[arg-type]
    EveryFrame.Settings(init=init)  # type: ignore[arg-type]
    for share in (0.0, 1.5, math.nan):
        with pytest.raises(VidcondenseError, match=r"synthetic\.learned must be"):
            EveryFrame.Settings(learned=share)


def test_a_coreset_and_key_frames_have_no_share() -> None:
    with pytest.raises(VidcondenseError, match="learns nothing"):
        recipes.load("random", overrides={"synthetic.learned": 1.0})
    with pytest.raises(VidcondenseError, match=r"belongs to synthetic\.kind = 'every_frame'"):
        recipes.load("prism", overrides={"synthetic.learned": 0.5})


def test_herding_starts_by_as_many_networks_as_are_asked_for(tiny_store: ClipStore) -> None:
    found = {}
    for count in (1, 4):
        chosen = recipes.load("dm_small", overrides={**MIXED, "synthetic.networks": count})
        found[count] = State.start(tiny_store, chosen, EXACT).synthetic.render()
        seed = root_seed(0, tiny_store.split)
        features = Features(
            tiny_store, "random", network="minic3d", flip=0.5, seed=seed, compute=EXACT, count=count
        )
        start = Start(tiny_store, 3, seed, EXACT, Herding.default(), features)
        assert torch.equal(found[count], start.clips("herding")[0])
    assert not torch.equal(found[1], found[4])
    assert np.isfinite(found[4].numpy()).all()
    with pytest.raises(VidcondenseError, match=r'synthetic\.networks = 4 .* synthetic\.init = "herding"'):
        recipes.load("prism", overrides={"synthetic.networks": 4})
