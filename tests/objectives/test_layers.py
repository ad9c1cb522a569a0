"""Early and late layers, against a loop over classes and layers with autograd."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import quick
import torch
from torch import Tensor

from vidcondense import ClipStore
from vidcondense.base.compute import Compute, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.networks import NETWORKS, build, initialise
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives.base import Context
from vidcondense.objectives.distribution_matching import Change, distribution_matching, siamese, unchanged
from vidcondense.objectives.layers import LEAST_SPREAD, Compared, Embedding, compared, scales
from vidcondense.objectives.statistics import Map, mapped
from vidcondense.run.state import State

EXACT = Compute(torch.device("cpu"), torch.float32)
CLASSES, FRAMES, SIZE, SEED, ITERATION = 3, 4, 32, 7, 5
REAL_LABELS = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2, 2])
EXAMPLE = Path(__file__).parents[2] / "examples" / "extend" / "frame_average.py"


def network_for(name: str = "minic3d") -> VideoNetwork:
    network = build(name, CLASSES, FRAMES, SIZE).requires_grad_(False)
    initialise(network, generator(0))
    return network


def clips_for(labels: Tensor, stream: int) -> Tensor:
    """Noise whose strength differs from clip to clip, so that features do too."""
    rng = generator(stream)
    strength = 0.5 + torch.rand(len(labels), 1, 1, 1, 1, generator=rng)
    return strength * torch.randn(len(labels), FRAMES, 3, SIZE, SIZE, generator=rng)


def in_a_loop(
    network: VideoNetwork, real: Tensor, clips: Tensor, labels: Tensor, maps: list[Map], change: Change
) -> tuple[float, Tensor]:
    """Loss and gradient, by classes, then by layers, each weighed by the spread of the class's real clips."""
    for of, level in zip(maps, network.levels(change(real[:2], REAL_LABELS[:2])), strict=True):
        of(level)  # frequencies are in units of the spread of what is seen first
    leaf = clips.clone().requires_grad_()
    loss = torch.zeros(())
    for c in range(CLASSES):
        theirs, mine = c == REAL_LABELS, labels == c
        levels_real = network.levels(change(real[theirs], REAL_LABELS[theirs]))
        levels_mine = network.levels(change(leaf[mine], labels[mine]))
        spreads, gaps = [], []
        for of, of_real, of_mine in zip(maps, levels_real, levels_mine, strict=True):
            apart = of(of_real) - of(of_real).mean(0)
            size = of(of_real).square().sum(1).mean()
            spreads.append(torch.maximum(apart.square().sum(1).mean(), LEAST_SPREAD**2 * size))
            gaps.append((of(of_mine).mean(0) - of(of_real).mean(0)).square().sum())
        for spread, gap in zip(spreads, gaps, strict=True):
            loss = loss + gap * spreads[0] / spread / len(gaps)
    (gradient,) = torch.autograd.grad(loss, leaf)
    return loss.item(), gradient


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("vpc", [1, 2])
@pytest.mark.parametrize(
    ("matched", "strength"), [("mean", 0.0), ("mean", 1.0), ("moments", 0.0), ("distribution", 0.0)]
)
def test_agrees_with_a_loop_over_classes_and_layers(
    chunk: int, vpc: int, matched: Any, strength: float
) -> None:
    network = network_for()
    labels = torch.arange(CLASSES).repeat_interleave(vpc)
    real, clips = clips_for(REAL_LABELS, 1), clips_for(labels, 2)
    context = SimpleNamespace(seed=3, store=SimpleNamespace(class_names=("a", "b", "c")))
    change = siamese(strength, cast(Context, context), ITERATION)
    maps = [mapped(matched, SEED, ITERATION, level) for level in range(4)]
    expected, slope = in_a_loop(network, real, clips, labels, maps, change)

    batches = zip(real.split(2), REAL_LABELS.split(2), strict=True)
    of = compared("all", matched, SEED, ITERATION)
    loss, gradient = distribution_matching(network, batches, clips, labels, chunk, change, of)
    assert loss == pytest.approx(expected, rel=1e-3)
    torch.testing.assert_close(gradient, slope, rtol=1e-2, atol=1e-3 * float(slope.abs().max()))


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_layer_weighs_the_same_and_all_together_as_much_as_the_embedding(name: str) -> None:
    """Of the spread of real clips within their class, each layer has its part of the embedding's."""
    network = network_for(name)
    real, labels = clips_for(REAL_LABELS, 1), REAL_LABELS
    levels = [level.float() for level in network.levels(real)]
    widths = [level.shape[1] for level in levels]
    means = torch.cat([torch.cat(levels, 1)[labels == c].mean(0, keepdim=True) for c in range(CLASSES)])
    squares = torch.stack(
        [torch.stack([level[labels == c].square().sum(1).mean() for level in levels]) for c in range(CLASSES)]
    )
    weighed = torch.cat(levels, 1) - means[labels]
    weighed = weighed * scales(means, squares, widths)[labels]
    for c in range(CLASSES):
        spreads = [part[labels == c].square().sum(1).mean() for part in weighed.split(widths, 1)]
        apart = (levels[0] - means[labels][:, : widths[0]])[labels == c].square().sum(1).mean()
        assert sum(spreads) <= 1.01 * apart
        for spread in spreads:
            assert spread <= 1.01 * apart / len(widths)
        assert spreads[0] == pytest.approx(float(apart) / len(widths), rel=0.01)


def test_classes_do_not_depend_on_which_others_are_condensed_with_them() -> None:
    network, labels = network_for(), torch.arange(CLASSES)
    real, clips = clips_for(REAL_LABELS, 1), clips_for(labels, 2)
    of = compared("all", "mean", SEED, ITERATION)
    _, together = distribution_matching(network, [(real, REAL_LABELS)], clips, labels, of=of)
    for c in range(CLASSES):
        mine = c == REAL_LABELS
        alone = [(real[mine], REAL_LABELS[mine])]
        _, gradient = distribution_matching(network, alone, clips[c : c + 1], labels[c : c + 1], of=of)
        torch.testing.assert_close(gradient[0], together[c], rtol=1e-3, atol=1e-6)


def test_of_a_single_real_clip_sizes_count() -> None:
    means = torch.tensor([[3.0, 4.0, 1.0]])
    found = scales(means, torch.tensor([[25.0, 1.0]]), [2, 1])
    torch.testing.assert_close(found, torch.tensor([[1.0, 1.0, 5.0]]) / 2**0.5)


def test_a_layer_that_gives_nothing_counts_nothing() -> None:
    found = scales(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0]]), [1, 1])
    torch.testing.assert_close(found, torch.tensor([[0.5**0.5, 0.0]]))


@pytest.mark.parametrize("name", ["minic3d", "convnet3d"])
def test_the_embedding_alone_is_what_it_was_to_the_last_bit(name: str) -> None:
    network, labels = network_for(name), torch.arange(CLASSES)
    real, clips = clips_for(REAL_LABELS, 1), clips_for(labels, 2)
    with torch.no_grad():
        sums = torch.zeros(CLASSES, network.embed(real[:1]).shape[1])
        sums.index_add_(0, REAL_LABELS, network.embed(real))
        means = sums / torch.bincount(REAL_LABELS)[:, None]
    leaf = clips.clone().requires_grad_()
    expected = (network.embed(leaf) - means).square().sum()
    (slope,) = torch.autograd.grad(expected, leaf)
    chosen: tuple[Compared, ...] = (Embedding(), compared("last", "mean", SEED, ITERATION))
    for of in chosen:
        loss, gradient = distribution_matching(
            network, [(real, REAL_LABELS)], clips, labels, 100, unchanged, of
        )
        assert loss == expected.item()
        assert torch.equal(gradient, slope)


@pytest.mark.parametrize("name", [*NETWORKS, f"{EXAMPLE}:FrameAverage"])
def test_every_network_learns_by_it(name: str, tiny_store: ClipStore) -> None:
    chosen = {
        "network": name,
        "objective.layers": "all",
        "objective.matched": "distribution",
        "objective.augmentation": 0.5,
    }
    state = State.start(tiny_store, quick.load("dm_small", overrides=chosen), EXACT)
    loss, gradient = state.match()
    assert loss > 0 and bool(gradient.isfinite().all()) and gradient.abs().max() > 0
    again, same = state.match()
    assert again == loss and torch.equal(same, gradient)
    last = quick.load("dm_small", overrides={**chosen, "objective.layers": "last"})
    assert not torch.equal(State.start(tiny_store, last, EXACT).match()[1], gradient)


@pytest.mark.parametrize("recipe", ["dm_small", "dm_trained_small"])
def test_a_network_that_does_not_say_what_its_stages_give_is_refused(
    recipe: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace("def levels", "def other")
    (tmp_path / "silent.py").write_text(text, encoding="utf-8")
    overrides = {"network": f"{tmp_path / 'silent.py'}:FrameAverage", "objective.layers": "all"}
    with pytest.raises(VidcondenseError, match=r'which FrameAverage does not say; .*layers = "last"'):
        State.start(tiny_store, quick.load(recipe, overrides=overrides), EXACT)
    State.start(tiny_store, quick.load(recipe, overrides={**overrides, "objective.layers": "last"}), EXACT)


def test_other_layers_are_refused() -> None:
    with pytest.raises(VidcondenseError, match=r"objective\.layers must be one of last, all, not 'first'"):
        quick.load("dm_small", overrides={"objective.layers": "first"})
