"""Distribution matching on experts: the right networks, the right features, its own experts."""

from pathlib import Path
from typing import Any

import pytest
import quick
import torch

from vidcondense import ClipStore, networks
from vidcondense.base.compute import Compute, choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.experts.buffer import Experts
from vidcondense.experts.settings import ExpertSettings
from vidcondense.experts.training import train
from vidcondense.networks.flat import load
from vidcondense.objectives import Context
from vidcondense.objectives.trained_distribution_matching import TrainedDistributionMatching
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.loop import condense
from vidcondense.run.state import State

EXACT = Compute(torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def experts(tiny_store_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Experts:
    """Two experts of three epochs."""
    folder = tmp_path_factory.mktemp("experts") / "made"
    settings = ExpertSettings(count=2, epochs=3, batch=5, learning_rate=0.1)
    return train(ClipStore.open(tiny_store_path), folder, settings, compute=EXACT, show=False)


def chosen(experts: Experts | None, **overrides: object) -> Recipe:
    known = {} if experts is None else {"objective.experts": str(experts.path)}
    return quick.load("dm_trained_small", overrides={**known, **overrides})


def matching(store: ClipStore, experts: Experts, **settings: Any) -> TrainedDistributionMatching:
    """The objective on experts, itself and not in a run."""
    chosen = TrainedDistributionMatching.Settings(experts=str(experts.path), batch_real=2, **settings)
    return TrainedDistributionMatching(chosen, Context(store, EXACT))


def test_the_loss_is_that_of_the_experts_mean_features(tiny_store: ClipStore, experts: Experts) -> None:
    state = State.start(tiny_store, chosen(experts), EXACT)
    objective = state.objective
    assert isinstance(objective, TrainedDistributionMatching)
    loss, gradient = state.match()

    expert, epoch = objective.drawn(0)
    classes = len(tiny_store.class_names)
    network = networks.build("minic3d", classes, tiny_store.frames, tiny_store.size)
    load(network, experts.weights(expert, epoch))
    clips = state.synthetic.render().requires_grad_()
    context = Context(tiny_store, EXACT, seed=state.seed, flip=state.recipe.flip)
    batches = list(context.real_clips(objective.settings, 0, 3))
    expected = torch.zeros(())
    for label in range(classes):
        real = torch.cat([network.embed(part[labels == label]) for part, labels in batches])
        mine = network.embed(clips[state.synthetic.labels == label])
        expected = expected + (mine.mean(0) - real.mean(0).detach()).square().sum()
    (slope,) = torch.autograd.grad(expected, clips)
    assert loss == pytest.approx(expected.item(), rel=1e-4)
    assert torch.allclose(gradient, slope, rtol=1e-3, atol=1e-5)
    assert state.match()[0] == loss


def test_every_expert_and_epoch_from_the_first_comes(tiny_store: ClipStore, experts: Experts) -> None:
    made = matching(tiny_store, experts, first_epoch=2)
    assert {made.drawn(iteration) for iteration in range(60)} == {(0, 2), (0, 3), (1, 2), (1, 3)}


def test_too_few_epochs_are_refused(tiny_store: ClipStore, experts: Experts) -> None:
    with pytest.raises(VidcondenseError, match="first_epoch = 4 needs experts of that many"):
        matching(tiny_store, experts, first_epoch=4)
    with pytest.raises(VidcondenseError, match=r"objective\.first_epoch must be a whole number >= 0, not -1"):
        chosen(experts, **{"objective.first_epoch": -1})


def test_it_trains_its_own_experts_and_says_so(tiny_store: ClipStore, tmp_path: Path) -> None:
    made = condense(tiny_store, chosen(None), tmp_path / "run", device="cpu", show=False)
    assert (tmp_path / "run" / "experts" / "experts.json").is_file()
    assert made.provenance["experts"]["count"] == 2
    assert made.provenance["precision"] == choose("cpu").precision
