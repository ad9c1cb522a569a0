"""What every network must do: sizes, seeds, gradients of first and second order, precision, learning."""

import inspect
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from vidcondense.base.compute import Compute, choose, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.networks import NETWORKS, build, channels_last, initialise, outline, weights_memory, winograd
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.loss import Labels
from vidcondense.networks.passes import backward, scored

STEP = 1e-8
EXACT = Compute(torch.device("cpu"), torch.float32)
NAMES = list(NETWORKS)
SMALLEST = dict.fromkeys(NAMES, (1, 8)) | {"minic3d": (4, 32), "r2plus1d_18": (1, 32), "convnet3d": (2, 8)}
SMALL = dict.fromkeys(NAMES, (2, 16)) | {"minic3d": (4, 32), "r2plus1d_18": (2, 32), "convnet3d": (4, 32)}
# Rounding to 8 bits adds up over R(2+1)D's 36 convolutions; a fault of an operator gives NaN, or about 0.
AGREEMENT = dict.fromkeys(NAMES, 0.97) | {"r2plus1d_18": 0.8}
COUNTS = {  # at 16x64x64 and 16x112x112, 50 classes
    "minic3d": (3_647_666, 3_647_666),
    "convnet3d": (1_229_362, 1_229_362),
    "cnn_mean": (709_170, 709_170),
    "cnn_mlp": (848_434, 848_434),
    "cnn_rnn": (9_790_002, 9_790_002),
    "cnn_gru": (28_668_466, 28_668_466),
    "cnn_lstm": (537_645_618, 537_645_618),
    "r2plus1d_18": (31_505_325 - 350 * 513, 31_505_325 - 350 * 513),
    "video_transformer": (3_741_170, 3_893_234),
}


def made(name: str, classes: int = 4, shape: tuple[int, int] | None = None) -> VideoNetwork:
    """A network with weights for the smallest comfortable clips."""
    network = build(name, classes, *(shape or SMALL[name]))
    initialise(network, generator(0))
    channels_last(network)
    return network


def clips_for(name: str, count: int, shape: tuple[int, int] | None = None) -> Tensor:
    frames, size = shape or SMALL[name]
    return torch.randn(count, frames, 3, size, size, generator=generator(1))


@pytest.mark.parametrize("name", NAMES)
def test_number_of_parameters(name: str) -> None:
    for size, expected in zip((64, 112), COUNTS[name], strict=True):
        network = outline(name, 50, 16, size)
        assert network.weights == expected
        assert all(parameter.is_meta for parameter in network.parameters()), "memory was taken"


@pytest.mark.parametrize("name", NAMES)
def test_shapes_from_the_smallest_clips_on(name: str) -> None:
    frames, size = SMALLEST[name]
    for shape in ((frames, size), (frames + 4, size + 9), (8, 40)):
        network = made(name, 5, shape).eval()
        clips = clips_for(name, 2, shape)
        with torch.no_grad():
            embedded, scores = network.embed(clips), network(clips)
        assert embedded.shape == (2, embedded.shape[1])
        assert scores.shape == (2, 5)
        assert bool(embedded.isfinite().all() and scores.isfinite().all())


@pytest.mark.parametrize("name", NAMES)
def test_clips_too_small_are_refused_with_the_mend(name: str) -> None:
    with pytest.raises(VidcondenseError, match=r"at least .* pixels, not .*; prepare a store with"):
        build(name, 5, 8, SMALLEST[name][1] - 1)


def test_unknown_network_is_answered_with_the_known() -> None:
    with pytest.raises(VidcondenseError, match=r"unknown network 'resnet'; known: minic3d, .*cnn_gru.*trans"):
        build("resnet", 5, 8, 64)


@pytest.mark.parametrize("name", NAMES)
def test_weights_come_from_the_generator_alone(name: str) -> None:
    torch.manual_seed(0)
    first = made(name).state_dict()
    torch.manual_seed(1)
    second = build(name, 4, *SMALL[name])
    for parameter in second.parameters():
        parameter.data.fill_(math.nan)
    state = torch.get_rng_state()
    initialise(second, generator(0))
    assert torch.equal(torch.get_rng_state(), state)
    for key, value in second.state_dict().items():
        assert torch.equal(first[key], value), key
    initialise(second, generator(2))
    assert not torch.equal(next(iter(first.values())), next(second.parameters()))


class Widest(TorchDispatchMode):
    """Remembers the largest result of any operator that is not a view of a weight."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
        self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        for item in result if isinstance(result, tuple | list) else (result,):
            if isinstance(item, Tensor) and item.untyped_storage().data_ptr() not in self.weights:
                self.largest = max(self.largest, item.numel())
        return result


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(8, 32), (16, 80)])
def test_the_widest_activation_is_as_stated(
    name: str, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "cnn_lstm" and shape[1] > 32:
        pytest.skip("2 GB of weights")
    network = made(name, shape=shape).eval()
    monkeypatch.setattr(winograd, "lanes", lambda: 0)  # compiled, a first layer pools at once
    with torch.no_grad(), Widest(network) as found:
        network(clips_for(name, 1, shape))
    assert found.largest == network.widest_activation


@pytest.mark.parametrize("name", NAMES)
def test_no_clip_depends_on_the_others_nor_on_the_mode(name: str) -> None:
    network = made(name)
    clips = clips_for(name, 3)
    with torch.no_grad():
        whole = network.eval()(clips)
        for row in range(3):
            torch.testing.assert_close(network(clips[row : row + 1])[0], whole[row], rtol=1e-3, atol=1e-5)
        if name not in ("minic3d", "convnet3d"):  # they have dropout
            assert torch.equal(network.train()(clips), whole)
        embedded = network.eval().embed(clips)
        assert torch.equal(network.train().embed(clips), embedded)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_of_a_gradient_against_finite_differences(name: str) -> None:
    network = made(name).double().eval()
    clips, labels = clips_for(name, 2).double(), torch.tensor([1, 3])
    weights = list(network.parameters())
    targets = [torch.randn(w.shape, generator=generator(2), dtype=w.dtype) for w in weights]

    def score(x: Tensor, create_graph: bool) -> Tensor:
        """A number made of the weights' gradients, as gradient matching has it."""
        loss = F.cross_entropy(network(x), labels)
        gradients = torch.autograd.grad(loss, weights, create_graph=create_graph)
        return torch.stack([(g * t).sum() for g, t in zip(gradients, targets, strict=True)]).sum()

    leaf = clips.clone().requires_grad_()
    (found,) = torch.autograd.grad(score(leaf, True), leaf)
    direction = torch.randn(clips.shape, generator=generator(3), dtype=clips.dtype)
    step = STEP * direction  # so short that no ReLU changes sides
    numeric = (score(clips + step, False) - score(clips - step, False)) / (2 * STEP)
    assert (found * direction).sum().item() == pytest.approx(numeric.item(), rel=1e-3)


@pytest.fixture
def half() -> Compute:
    compute = choose("cpu")
    if compute.dtype != torch.bfloat16:
        pytest.skip("this processor has no bfloat16 arithmetic")
    return compute


def soiled() -> Iterator[None]:
    """Whatever reads memory that it never wrote meets NaN."""
    for count in (100, 10_000, 1_000_000, 3_000_000):
        torch.full((count,), math.nan)
        yield


def flat(tensors: Iterator[Tensor | None]) -> Tensor:
    return torch.cat([tensor.float().flatten() for tensor in tensors if tensor is not None])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("larger", [False, True])
def test_bfloat16_training_agrees_with_float32(name: str, larger: bool, half: Compute) -> None:
    shape = (4, 40 if name != "cnn_lstm" else 24) if larger else SMALL[name]
    network = made(name, shape=shape)
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    clips = clips_for(name, 3, shape)
    gradients, scores = [], []
    for compute in (EXACT, half):
        network.zero_grad()
        list(soiled())
        backward(network, clips, Labels(torch.arange(3)), compute)
        gradients.append(flat(parameter.grad for parameter in network.parameters()).clone())
        with torch.no_grad():
            scores.append(scored(network, clips, compute))
    torch.testing.assert_close(scores[1], scores[0], rtol=0.05, atol=0.05)
    assert F.cosine_similarity(*gradients, dim=0) > AGREEMENT[name]


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_matching_agrees_with_float32(name: str, half: Compute) -> None:
    """Of embeddings with respect to clips, and of weights' gradients with respect to clips."""
    found: list[list[Tensor]] = []
    clips, labels = clips_for(name, 3), torch.arange(3)
    for dtype in (torch.float32, half.dtype):
        network = made(name).to(dtype).eval()
        channels_last(network)
        leaf = clips.to(dtype).requires_grad_()
        list(soiled())
        (of_features,) = torch.autograd.grad(network.embed(leaf).float().square().sum(), leaf)
        loss = F.cross_entropy(network(leaf).float(), labels)
        weights = torch.autograd.grad(loss, list(network.parameters()), create_graph=True)
        list(soiled())
        (of_weights,) = torch.autograd.grad(sum(w.float().square().sum() for w in weights), leaf)
        assert of_features.dtype == of_weights.dtype == dtype
        found.append([of_features.float(), flat(iter(weights)), of_weights.float()])
    for exact, fast in zip(*found, strict=True):
        assert F.cosine_similarity(exact.flatten(), fast.flatten(), dim=0) > AGREEMENT[name]


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_four_clips_by_heart(name: str) -> None:
    network = made(name).train()
    clips, labels = clips_for(name, 4), torch.arange(4)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(25):
            optimiser.zero_grad()
            backward(network, clips, Labels(labels), EXACT)
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
    with torch.no_grad():
        assert F.cross_entropy(network.eval()(clips), labels) < 0.3 * math.log(4)


def test_memory_of_weights_is_stated_and_refused_where_it_cannot_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    network = outline("cnn_lstm", 50, 16, 112)
    monkeypatch.setattr(Compute, "memory", lambda _: 16 * network.weights)
    line = weights_memory("cnn_lstm", network, 4, EXACT)
    assert line == (
        "cnn_lstm has 537,645,618 parameters: 2,051 MiB, at least 8,204 MiB with the copies that this needs"
    )
    monkeypatch.setattr(Compute, "memory", lambda _: 16 * network.weights - 2**20)
    with pytest.raises(VidcondenseError, match=r"8,204 MiB with .* but cpu has 8,203 MiB of memory; choose"):
        weights_memory("cnn_lstm", network, 4, EXACT)


@pytest.mark.parametrize("name", NAMES)
def test_constructors_document_their_arguments(name: str) -> None:
    text = inspect.getdoc(type(outline(name, 5, 8, 64))) or ""
    for word in ("classes:", "frames:", "size:", "Raises:"):
        assert word in text


def test_the_page_on_networks_lists_them_all_with_their_sizes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    shown = {
        name: (int(weights.replace(",", "")), int(width))
        for name, weights, width in re.findall(r"^\| `(\w+)` .* ([\d,]+) \| (\d+) \|$", page, re.MULTILINE)
    }
    clips = torch.empty(1, 16, 3, 112, 112, device="meta")
    found = {name: outline(name, 50, 16, 112) for name in NAMES}
    assert shown == {name: (net.weights, net.embed(clips).shape[1]) for name, net in found.items()}
