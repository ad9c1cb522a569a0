"""miniC3D against the published sizes and an obvious rebuild."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vidcondense.base.compute import Compute, choose, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.networks import build, channels_last, initialise
from vidcondense.networks.loss import Labels
from vidcondense.networks.passes import backward


@pytest.mark.parametrize("classes", [50, 51, 174, 400])
def test_parameters_are_as_published(classes: int) -> None:
    network = build("minic3d", classes, 16, 112)
    assert sum(p.numel() for p in network.parameters()) == 3_641_216 + 129 * classes


@pytest.mark.parametrize(
    ("frames", "size", "embedding"),
    [
        (16, 112, 2048),
        (8, 64, 256),
        (16, 64, 512),
        (8, 112, 1024),
        (4, 32, 128),
        (5, 33, 128),
        (8, 80, 256),
        (8, 96, 256),
    ],
)
def test_embedding_and_scores_of_every_shape(frames: int, size: int, embedding: int) -> None:
    network = build("minic3d", 5, frames, size)
    initialise(network, generator(0))
    clips = torch.zeros(1, frames, 3, size, size)
    assert network.embed(clips).shape == (1, embedding)
    assert network(clips).shape == (1, 5)


@pytest.mark.parametrize(("frames", "size"), [(3, 64), (8, 31)])
def test_clips_too_small_are_refused(frames: int, size: int) -> None:
    with pytest.raises(VidcondenseError, match="at least 4 frames of 32 pixels"):
        build("minic3d", 5, frames, size)


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize(("frames", "size"), [(8, 64), (16, 112)])
def test_forward_is_the_published_stack(frames: int, size: int, gradients: bool) -> None:
    network = build("minic3d", 5, frames, size).eval()
    initialise(network, generator(0))
    published = nn.Sequential(
        *(network.conv1, nn.ReLU(), nn.MaxPool3d((1, 2, 2))),
        *(network.conv2, nn.ReLU(), nn.MaxPool3d(2)),
        *(network.conv3, nn.ReLU(), nn.MaxPool3d(2)),
    )
    clips = torch.randn(1, frames, 3, size, size, generator=torch.Generator().manual_seed(0))
    stages = published(clips.transpose(1, 2))
    head = F.avg_pool3d(stages, (2, 2, 2) if size > 64 else (2, 1, 1), stride=1)
    expected = network.logit(head).squeeze(3).squeeze(3).amax(2)
    with torch.set_grad_enabled(gradients):
        # Winograd's convolutions have an error of 6e-6 of a value's standard deviation each.
        torch.testing.assert_close(
            network.embed(clips), stages.flatten(1), rtol=0, atol=1e-4 * float(stages.detach().std())
        )
        torch.testing.assert_close(network(clips), expected, rtol=1e-4, atol=1e-6)
        channels_last(network)
        torch.testing.assert_close(network(clips), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("frames", "size"), [(4, 32), (4, 64), (8, 40), (16, 32), (8, 64)])
def test_bfloat16_training_gradients_are_right_at_every_size(frames: int, size: int) -> None:
    compute = choose("cpu")
    if compute.dtype != torch.bfloat16:
        pytest.skip("this processor has no bfloat16 arithmetic")
    network = build("minic3d", 3, frames, size)
    initialise(network, generator(0))
    network.dropout.p = 0.0  # type: ignore[union-attr]
    clips = torch.randn(3, frames, 3, size, size, generator=generator(1))
    gradients = []
    for precision in (torch.float32, torch.bfloat16):
        network.zero_grad()
        for count in (100, 10_000, 1_000_000, 3_000_000):  # whatever reads memory it never wrote meets NaN
            torch.full((count,), float("nan"))
        backward(network, clips, Labels(torch.arange(3)), Compute(torch.device("cpu"), precision))
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    for exact, fast in zip(*gradients, strict=True):
        assert (fast - exact).norm() < 0.5 * exact.norm()
