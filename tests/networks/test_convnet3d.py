"""ConvNet3D against PyTorch's own normalisation, and differences against sums by hand."""

import pytest
import torch
import torch.nn.functional as F

from vidcondense.base.compute import generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.networks import build
from vidcondense.networks.convnet3d import InstanceNorm, differences


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_normalisation_is_that_of_each_channel_of_a_clip(layout: torch.memory_format) -> None:
    norm = InstanceNorm(5)
    norm.affine.weight.data = torch.rand(5, generator=generator(0)) + 0.5
    norm.affine.bias.data = torch.randn(5, generator=generator(1))
    x = 3 + 2 * torch.randn(2, 5, 3, 4, 6, generator=generator(2))
    expected = F.instance_norm(x, weight=norm.affine.weight, bias=norm.affine.bias)
    torch.testing.assert_close(norm(x.contiguous(memory_format=layout)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("places", [(3, 4, 6), (4, 16, 16)])
def test_its_gradients_are_those_of_autograd(places: tuple[int, int, int]) -> None:
    norm = InstanceNorm(3).double()
    norm.affine.weight.data = torch.rand(3, generator=generator(0)).double() + 0.5
    norm.affine.bias.data = torch.randn(3, generator=generator(1)).double()
    x = (3 + 2 * torch.randn(2, 3, *places, generator=generator(2)).double()).requires_grad_()
    weights = torch.randn(x.shape, generator=generator(3)).double()
    inputs = (x, norm.affine.weight, norm.affine.bias)

    def gradients(made: torch.Tensor) -> list[torch.Tensor]:
        """First ones, and those of a function of the first ones."""
        first = torch.autograd.grad((weights * made.square()).sum(), inputs, create_graph=True)
        return [*first, *torch.autograd.grad(sum(one.pow(3).sum() for one in first), inputs)]  # type: ignore[arg-type]

    theirs = gradients(F.instance_norm(x, weight=norm.affine.weight, bias=norm.affine.bias))
    for one, other in zip(gradients(norm(x)), theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_a_clip_with_a_large_mean_is_normalised_in_bfloat16() -> None:
    norm = InstanceNorm(4)
    x = (4 + torch.randn(2, 4, 8, 16, 16, generator=generator(0))).bfloat16()
    expected = F.instance_norm(x.float())
    assert (norm(x).float() - expected).abs().max() < 0.05


def test_differences_are_of_neighbouring_frames_on_a_scale_of_their_own() -> None:
    clips = torch.zeros(1, 4, 3, 2, 2)
    clips[0, :, :, 0, 0] = torch.tensor([0.0, 1.0, 3.0, 2.0])[:, None]
    shown = differences(clips)
    raw = torch.tensor([1.0, 2.0, -1.0, -1.0])  # the last one twice
    scale = (raw.square().mean() / 4 + 1e-4).sqrt()
    torch.testing.assert_close(shown[0, :, 0, 0, 0], raw / scale)
    assert shown[0, :, :, 0, 1].abs().max() == 0
    torch.testing.assert_close(differences(5 * clips), shown, rtol=1e-2, atol=1e-2)


def test_still_clips_have_no_differences() -> None:
    assert differences(torch.ones(2, 4, 3, 8, 8)).abs().max() == 0


def test_a_single_frame_is_refused() -> None:
    with pytest.raises(VidcondenseError, match="at least 2 frames, not 1"):
        build("convnet3d", 4, 1, 16)
