"""Evaluation: both protocols, statistics, divergence, refusals."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vidcondense import networks
from vidcondense.compute import Compute, choose, generator
from vidcondense.condensed import KeyFrameVideos
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD, RealBatch
from vidcondense.data.store import ClipStore
from vidcondense.errors import VidcondenseError
from vidcondense.evaluation import evaluate, mean_std, table
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import centred_one_hot, guessing_loss, summed_loss
from vidcondense.protocols import Strict, Vdsd, backward, spread_windows, standardise

EXACT = Compute(torch.device("cpu"), torch.float32)
QUICK = (Strict(steps=4, epochs=1), Vdsd(epochs=4))


def condensed(store: ClipStore, vpc: int = 2) -> KeyFrameVideos:
    """The first training clips of every class, every frame stored."""
    videos = np.concatenate([videos[:vpc] for videos in store.by_class("train")])
    flips = np.zeros(len(videos), dtype=np.bool_)
    batch = RealBatch(videos, videos * 0, flips, store.labels[videos])
    clips = torch.cat([clips for clips, _ in batch.read(store, EXACT, 99)])
    return KeyFrameVideos(
        key_frames=clips.flatten(0, 1).contiguous(),
        positions=torch.arange(store.frames).repeat(len(videos)),
        counts=torch.full((len(videos),), store.frames),
        labels=torch.from_numpy(store.labels[videos]),
        class_names=tuple(store.class_names),
        frames=store.frames,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )


@pytest.mark.parametrize("protocol", QUICK, ids=["strict", "vdsd"])
def test_repeats_exactly_and_adds_up(protocol: Strict | Vdsd, tiny_store: ClipStore) -> None:
    made = condensed(tiny_store)
    torch.manual_seed(0)
    first = evaluate(made, tiny_store, protocol=protocol, networks_count=2, show=False)
    torch.manual_seed(1)  # the caller's generator must not matter
    state = torch.get_rng_state()
    second = evaluate(made, tiny_store, protocol=protocol, networks_count=2, show=False)
    assert torch.equal(torch.get_rng_state(), state)
    one, two = first.to_dict(), second.to_dict()
    assert {**one, "seconds": 0} == {**two, "seconds": 0}
    passes = protocol.passes if isinstance(protocol, Vdsd) else 1
    for result in first.results:
        assert result.confusion.sum() == passes * len(tiny_store.select("test"))
        assert result.top1 == pytest.approx(result.confusion.trace().item() / result.confusion.sum().item())
        assert result.top5 == 1.0  # three classes only
    assert one["networks"] == 2
    trained = [result.top1 for result in first.trained]
    assert trained, "no network trained: the rest would check nothing"
    assert one["diverged"] == 2 - len(trained)
    assert one["top1"]["mean"] == pytest.approx(np.mean(trained))


def test_a_trained_network_beats_chance(tiny_store: ClipStore) -> None:
    made = condensed(tiny_store, vpc=5)
    result = evaluate(made, tiny_store, protocol=Strict(steps=25, epochs=1), networks_count=1, show=False)
    assert result.top1[0] > 0.5
    assert all(not r.diverged and r.loss < 0.9 for r in result.results)


@pytest.mark.parametrize("protocol", [Strict(steps=25, epochs=1), Vdsd(epochs=25)], ids=["strict", "vdsd"])
def test_networks_regress_learned_targets(protocol: Strict | Vdsd, tiny_store: ClipStore) -> None:
    made = condensed(tiny_store, vpc=4)
    right = centred_one_hot(made.labels, 3)
    turned = right.roll(1, dims=1)  # every clip calls itself the class after its own
    tops = [
        evaluate(replace(made, targets=targets), tiny_store, protocol=protocol, networks_count=1, show=False)
        for targets in (right, turned)
    ]
    first, second = (result.results[0] for result in tops)
    assert not first.diverged and first.loss < guessing_loss(right, 3)
    assert first.top1 > 0.5
    as_told = second.confusion.roll(-1, 1).trace() / second.confusion.sum()
    assert as_told > 0.5 > second.top1


def test_the_loss_of_targets_is_half_the_squared_distance() -> None:
    scores = torch.tensor([[1.0, 2.0], [0.0, 4.0]], requires_grad=True)
    targets = torch.tensor([[0.0, 2.5], [1.0, 1.0]])
    loss = summed_loss(scores, targets)
    assert loss.item() == pytest.approx(0.5 * (1 + 0.25 + 1 + 9))
    (gradient,) = torch.autograd.grad(loss, scores)
    torch.testing.assert_close(gradient, scores.detach() - targets)
    labels = torch.tensor([0, 1])
    expected = sum(math.log(sum(map(math.exp, row))) - row[i] for i, row in enumerate([[1, 2], [0, 4]]))
    assert summed_loss(scores, labels).item() == pytest.approx(expected)


def test_guessing_is_the_best_constant_answer() -> None:
    targets = torch.tensor([[0.0, 2.0], [1.0, 1.0], [2.0, 3.0]])
    mean = targets.mean(0)
    best = guessing_loss(targets, 2)
    assert best == pytest.approx(0.5 * (2 + 2) / 3)
    for other in (mean + 0.1, mean * 0):
        assert summed_loss(other, targets).item() / 3 > best
    assert guessing_loss(torch.tensor([0, 1]), 2) == math.log(2)


@dataclass(frozen=True)
class Broken(Strict):
    """A rule whose training always fails."""

    outcome: float = math.nan

    def train(self, network: VideoNetwork, clips: torch.Tensor, labels: torch.Tensor, *rest: object) -> float:
        return self.outcome


@pytest.mark.parametrize("outcome", [math.nan, math.inf, math.log(3)])
def test_diverged_networks_are_counted_and_not_averaged(outcome: float, tiny_store: ClipStore) -> None:
    result = evaluate(condensed(tiny_store), tiny_store, protocol=Broken(outcome=outcome), show=False)
    described = result.to_dict()
    assert described["diverged"] == 3
    assert described["top1"] == {"mean": None, "std": None, "values": [None, None, None]}
    assert sum(map(sum, described["confusion"])) == 0
    assert "3 of 3 networks diverged" in str(table(result).caption)


def test_published_training_that_explodes_is_reported(tiny_store: ClipStore) -> None:
    wild = replace(QUICK[1], learning_rate=1e6)
    result = evaluate(condensed(tiny_store), tiny_store, protocol=wild, networks_count=1, show=False)
    assert result.results[0].diverged


def test_gradient_in_pieces_is_the_gradient_of_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    network = networks.build("minic3d", 3, 4, 32)
    networks.initialise(network, generator(0))
    network.dropout.p = 0.0  # type: ignore[union-attr]
    clips = torch.randn(5, 4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 0, 1])
    whole = F.cross_entropy(network(clips), labels)
    whole.backward()
    expected = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    network.zero_grad()
    monkeypatch.setattr(Compute, "chunk", lambda *_: 2)
    assert backward(network, clips, labels, EXACT) == pytest.approx(whole.item(), rel=1e-5)
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-6)


def test_strict_scores_are_the_mean_over_windows(tiny_store: ClipStore) -> None:
    network = networks.build("minic3d", 3, tiny_store.frames, tiny_store.size)
    networks.initialise(network, generator(0))
    network.eval()
    tiny_store.stride = 1  # 16 frames have room for windows of 4 that do not touch
    scores, truth = Strict(windows=2).test(network, tiny_store, EXACT, 0)
    videos = tiny_store.select("test")
    assert truth.tolist() == tiny_store.labels[videos].tolist()
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_STD))
    for row, video in enumerate(videos):
        clips = [tiny_store.read(np.array([video]), np.array([start])) / 255 for start in (0, 12)]
        expected = torch.stack([network((clip - mean) / std).softmax(1)[0] for clip in clips]).mean(0)
        torch.testing.assert_close(scores[row], expected, rtol=1e-4, atol=1e-5)


def test_windows_overlap_by_half_at_most() -> None:
    lengths = np.array([2, 4, 5, 6, 100])
    cases, starts = spread_windows(lengths, frames=4, stride=1, windows=3)
    found = {case: starts[cases == case].tolist() for case in range(5)}
    assert found == {0: [0], 1: [0], 2: [0], 3: [0, 2], 4: [0, 48, 96]}


def test_standardise_uses_one_mean_and_deviation_for_the_batch() -> None:
    clips = torch.tensor([1.0, 2.0, 3.0, 6.0]).view(2, 2, 1, 1, 1)
    expected = (clips - 3.0) / math.sqrt((4 + 1 + 0 + 9) / 3)
    torch.testing.assert_close(standardise(clips), expected)


def test_vdsd_steps_down_after_252_of_501_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    original = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD,
        "step",
        lambda self, *a: rates.append(self.param_groups[0]["lr"]) or original(self, *a),
    )
    monkeypatch.setattr("vidcondense.protocols.backward", lambda *_: 0.1)
    network = networks.build("minic3d", 3, 4, 32)
    networks.initialise(network, generator(0))
    Vdsd().train(network, torch.zeros(3, 4, 3, 32, 32), torch.arange(3), EXACT, 0)
    assert rates == [0.01] * 252 + [0.001] * 249


def test_bfloat16_agrees_with_float32_where_the_processor_has_it(tiny_store: ClipStore) -> None:
    if choose("cpu").dtype != torch.bfloat16:
        pytest.skip("this processor has no bfloat16 arithmetic")
    network = networks.build("minic3d", 3, tiny_store.frames, tiny_store.size)
    networks.initialise(network, generator(0))
    exact, _ = Strict().test(network, tiny_store, EXACT, 0)
    fast, _ = Strict().test(network, tiny_store, choose("cpu"), 0)
    torch.testing.assert_close(exact, fast, rtol=0.02, atol=2e-3)


def test_mean_and_sample_deviation() -> None:
    assert mean_std([1.0, 2.0, 4.0]) == pytest.approx((7 / 3, np.std([1, 2, 4], ddof=1)))
    assert mean_std([2.0]) == (2.0, 0.0)
    assert all(math.isnan(value) for value in mean_std([]))


def test_sets_that_do_not_fit_the_store_are_refused(tiny_store: ClipStore) -> None:
    made = condensed(tiny_store)
    other = replace(made, class_names=("a", "b", "c"))
    with pytest.raises(VidcondenseError, match="same classes"):
        evaluate(other, tiny_store, show=False)
    small = replace(made, key_frames=made.key_frames[..., :30, :30])
    with pytest.raises(VidcondenseError, match="4 frames of 30x30, the store's 4 of 32x32"):
        evaluate(small, tiny_store, show=False)
    with pytest.raises(VidcondenseError, match="networks must be at least 1"):
        evaluate(made, tiny_store, networks_count=0, show=False)
    with pytest.raises(VidcondenseError, match="unknown protocol 'loose'; known: strict, vdsd"):
        evaluate(made, tiny_store, protocol="loose", show=False)


def test_a_class_without_test_videos_is_named(tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    made = condensed(tiny_store)
    monkeypatch.setattr(
        tiny_store, "by_class", lambda role: [np.array([0]), np.array([], dtype=int), np.array([1])]
    )
    with pytest.raises(VidcondenseError, match=f"{tiny_store.class_names[1]!r} has no test video"):
        evaluate(made, tiny_store, show=False)
