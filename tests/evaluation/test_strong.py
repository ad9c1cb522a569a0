"""strong: what is augmented, smoothed and averaged, checked by what the network is shown and left with."""

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

from vidcondense import networks
from vidcondense.base.compute import Compute, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.data.augmentation import Augmentation
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import MemoryClips
from vidcondense.evaluation.protocols import Strong, strong
from vidcondense.evaluation.shared import evaluate
from vidcondense.networks.loss import Goals, Labels

from .test_trial import condensed

EXACT = Compute(torch.device("cpu"), torch.float32)


def _trained(
    rule: Strong, monkeypatch: pytest.MonkeyPatch, clips: MemoryClips
) -> tuple[list[Tensor], list[dict[str, Tensor]], dict[str, Tensor], list[float]]:
    """The batches that a network was shown, its weights after each step and at the end, and smoothings."""
    network = networks.draw("minic3d", (3, 4, 32), generator(0))
    shown: list[Tensor] = []
    after: list[dict[str, Tensor]] = []
    smoothings: list[float] = []
    original, step = strong.backward, torch.optim.AdamW.step

    def backward(
        net: networks.base.VideoNetwork, batch: Tensor, goals: Goals, compute: Compute, smoothing: float
    ) -> float:
        shown.append(batch)
        smoothings.append(smoothing)
        return original(net, batch, goals, compute, smoothing)

    def stepped(self: torch.optim.AdamW, *rest: object) -> None:
        step(self, *rest)  # type: ignore[arg-type]
        after.append({name: value.detach().clone() for name, value in network.named_parameters()})

    monkeypatch.setattr(strong, "backward", backward)
    monkeypatch.setattr(torch.optim.AdamW, "step", stepped)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rule.train(network, clips, EXACT, 0, lambda loss: None)
    return shown, after, dict(network.named_parameters()), smoothings


@pytest.mark.parametrize(("name", "factor"), [("minic3d", 1), ("convnet3d", 3)])
def test_a_network_says_how_large_its_steps_are(
    name: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []

    def descend(*arguments: object) -> float:
        rates.append(cast(float, arguments[2]))
        return 1.0

    monkeypatch.setattr(strong, "descend", descend)
    rule = Strong(steps=4, epochs=1, learning_rate=0.01, warm_up=0.25)
    rule.train(networks.draw(name, (3, 4, 32), generator(0)), _clips(), EXACT, 0, lambda loss: None)
    assert rates == pytest.approx([0.01 * factor * share for share in (1.0, 1.0, 0.75, 0.25)])


def _clips(flip: float = 0.0) -> MemoryClips:
    return MemoryClips(
        torch.randn(3, 4, 3, 32, 32, generator=generator(7)), Labels(torch.arange(3)), flip=flip
    )


def test_every_reading_of_a_clip_is_changed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, _, _, smoothings = _trained(Strong(steps=4, epochs=1), monkeypatch, _clips())
    assert len(shown) == 4
    assert not any(torch.allclose(one, other) for one, other in itertools.pairwise(shown))
    assert smoothings == [Strong().smoothing] * 4


def test_clips_are_mirrored_only_where_direction_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    still = replace(Strong(steps=6, epochs=1), augmentation=Augmentation(zoom=0, shift=0, colour=0))
    for flip in (0.0, 1.0):
        clips = _clips(flip)
        plain, _ = clips.read(torch.arange(3), 0, 0)
        shown, _, _, _ = _trained(still, monkeypatch, clips)
        expected = plain.flip(-1) if flip else plain
        for batch in shown:
            gaps = (batch[:, None] - expected[None]).flatten(2).abs().amax(2)
            assert (gaps.min(1).values < 1e-4).all()


def test_the_network_tested_has_the_exponential_mean_of_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Strong(steps=10, epochs=1, averaged=0.5)
    _, after, last, _ = _trained(rule, monkeypatch, _clips())
    decay = 1 - 1 / 5
    for name, value in last.items():
        mean = after[0][name]
        for weights in after[1:]:
            mean = decay * mean + (1 - decay) * weights[name]
        torch.testing.assert_close(value.detach(), mean, rtol=1e-4, atol=1e-6)


def test_two_networks_take_turns(tiny_store: ClipStore) -> None:
    rule, made = Strong(steps=2, epochs=1), condensed(tiny_store)
    both = evaluate(made, tiny_store, protocol=rule, networks_count=1, network="minic3d+cnn_mean", show=False)
    assert len(both.results) == 2
    alone = evaluate(made, tiny_store, protocol=rule, networks_count=1, network="minic3d", show=False)
    other = evaluate(made, tiny_store, protocol=rule, networks_count=2, network="cnn_mean", show=False)
    assert both.results[0].loss == alone.results[0].loss
    assert both.results[1].loss == other.results[1].loss
    assert both.to_dict()["network"] == "minic3d+cnn_mean"
    with pytest.raises(VidcondenseError, match=r"unknown network 'minic3d\+nothing'"):
        evaluate(made, tiny_store, protocol=rule, network="minic3d+nothing", show=False)


def test_controls_are_recorded_and_read_again(tiny_store: ClipStore, tmp_path: Path) -> None:
    rule, made, file = Strong(steps=2, epochs=1), condensed(tiny_store), tmp_path / "evaluation.json"
    first = evaluate(
        made, tiny_store, protocol=rule, networks_count=1, network="minic3d", out=file, show=False
    )
    more = evaluate(
        made, tiny_store, protocol=rule, networks_count=2, network="minic3d", out=file, show=False
    )
    assert first is not None and more is not None
    assert list(more.controls) == ["shuffled", "reversed", "stilled"]
    for name, scores in more.controls.items():
        assert scores["values"][0] == first.controls[name]["values"][0]
        assert len(scores["values"]) == 2
        assert scores["mean"] == pytest.approx(sum(scores["values"]) / 2)  # type: ignore[arg-type]


def test_length_is_in_steps_and_for_large_sets_in_epochs() -> None:
    rule = Strong(steps=100, epochs=10, batch=64)
    assert rule.length(21) == 100
    assert rule.length(6400) == 1000
    assert rule.length(645) == math.ceil(10 * 645 / 64)


def test_sets_are_compared_at_equal_steps(tiny_store: ClipStore, tmp_path: Path) -> None:
    made, file, given = condensed(tiny_store), tmp_path / "evaluation.json", {"network": "minic3d"}
    few = evaluate(made, tiny_store, steps=3, networks_count=1, show=False, out=file, **given)  # type: ignore[call-overload]
    assert few.protocol.length(10**6) == few.protocol.length(1) == 3
    assert few.to_dict()["settings"]["steps"] == 3
    with pytest.raises(VidcondenseError, match=r"settings"):
        evaluate(made, tiny_store, steps=2, networks_count=1, show=False, out=file, **given)  # type: ignore[call-overload]
    with pytest.raises(VidcondenseError, match="protocol strict counts epochs: leave --steps out"):
        evaluate(made, tiny_store, protocol="strict", steps=3, show=False)


def test_networks_trained_on_real_clips_are_tested_with_weights_of_8_bits_too(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    file = tmp_path / "evaluation.json"
    for count in (1, 2):  # the second goes on where the first stopped
        made = evaluate(
            tiny_store, tiny_store, steps=12, networks_count=count, network="minic3d", show=False, out=file
        )
    assert made is not None and made.rounded is not None
    exact, rounded = made.to_dict()["top1"]["values"], made.rounded["top1"]["values"]
    assert len(rounded) == 2 and rounded == pytest.approx(exact, abs=0.25)
    weights = sum(one.numel() for one in networks.build("minic3d", *tiny_store.shape).parameters())
    assert weights < min(made.rounded["bytes"]) < 1.1 * weights + 4000
    of_clips = evaluate(condensed(tiny_store), tiny_store, steps=2, networks_count=1, show=False)
    assert of_clips.rounded is None and "rounded" not in of_clips.to_dict()
