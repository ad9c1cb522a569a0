"""What networks say of their stages, against each stage computed plainly, layer by layer."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcondense.base.compute import choose, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.networks import NETWORKS, build, channels_last, initialise
from vidcondense.networks.base import VideoNetwork, need_levels
from vidcondense.networks.convnet3d import differences

FRAMES, SIZE, CLIPS = 4, 32, 3
WINDOWS = {1: (1, 2, 2), 2: (2, 2, 2), 3: (2, 2, 2)}


def made(name: str) -> VideoNetwork:
    network = build(name, 4, FRAMES, SIZE).requires_grad_(False).eval()
    initialise(network, generator(0))
    channels_last(network)
    return network


def some_clips() -> Tensor:
    return torch.randn(CLIPS, FRAMES, 3, SIZE, SIZE, generator=generator(1))


def of_minic3d(network: VideoNetwork, clips: Tensor) -> list[Tensor]:
    x, found = clips.transpose(1, 2), []
    for number in (1, 2, 3):
        x = F.relu(network.get_submodule(f"conv{number}")(x))
        x = F.max_pool3d(
            x, [min(side, left) for side, left in zip(WINDOWS[number], x.shape[2:], strict=True)]
        )
        found.append(x.mean((2, 3, 4)))
    return found


def of_convnet3d(network: VideoNetwork, clips: Tensor) -> list[Tensor]:
    x, found = torch.cat([clips, differences(clips)], 2).transpose(1, 2), []
    for number in range(4):
        x = network.get_submodule(f"convolutions.{number}")(x)
        x = F.relu(F.instance_norm(x) if number < 3 else x)  # scale 1 and shift 0 at the start
        found.append(x.mean((2, 3, 4)))
    return found


def hooked(path: str, mean: Callable[[Tensor], Tensor]) -> Callable[[VideoNetwork, Tensor], list[Tensor]]:
    """What the modules of a list give in `embed`, averaged."""

    def of_modules(network: VideoNetwork, clips: Tensor) -> list[Tensor]:
        found: list[Tensor] = []

        def keep(module: nn.Module, inputs: object, x: Tensor) -> None:
            found.append(mean(x))

        handles = [one.register_forward_hook(keep) for one in network.get_submodule(path).children()]
        network.embed(clips)
        for handle in handles:
            handle.remove()
        return found

    return of_modules


def of_r2plus1d(network: VideoNetwork, clips: Tensor) -> list[Tensor]:
    stem = F.relu(network.get_submodule("stem")(clips.transpose(1, 2))).mean((2, 3, 4))
    blocks = hooked("blocks", lambda x: x.mean((2, 3, 4)))(network, clips)
    return [stem, blocks[1], blocks[3], blocks[5]]  # the last pair's mean is the embedding


PLAIN = dict.fromkeys(NETWORKS, hooked("stages", lambda x: x.unflatten(0, (CLIPS, -1)).mean((1, 3, 4)))) | {
    "minic3d": of_minic3d,
    "convnet3d": of_convnet3d,
    "r2plus1d_18": of_r2plus1d,
    "video_transformer": hooked("layers", lambda x: x.mean(1)),
}
STAGES = dict.fromkeys(NETWORKS, 3) | {"convnet3d": 4, "r2plus1d_18": 4, "video_transformer": 8}


@pytest.mark.parametrize("name", list(NETWORKS))
def test_levels_are_the_embedding_and_the_mean_of_each_stage(name: str) -> None:
    network, clips = made(name), some_clips()
    need_levels(network)
    embedding, *stages = network.levels(clips)
    assert torch.equal(embedding, network.embed(clips))
    expected = PLAIN[name](network, clips)
    assert len(stages) == len(expected) == STAGES[name]
    for found, plain in zip(stages, expected, strict=True):
        torch.testing.assert_close(found, plain, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_level_has_a_gradient_in_the_precision_of_the_machine(name: str) -> None:
    dtype = choose("cpu").dtype
    network = made(name).to(dtype)
    leaf = some_clips().to(dtype).requires_grad_()
    for number in range(STAGES[name] + 1):
        level = network.levels(leaf)[number].float()
        assert level.shape == (CLIPS, level.shape[1])
        (gradient,) = torch.autograd.grad(level.square().sum(), leaf)
        assert bool(gradient.isfinite().all()) and gradient.abs().max() > 0


def test_a_network_without_levels_is_refused_with_the_mend() -> None:
    class Plain(VideoNetwork):
        def embed(self, clips: Tensor) -> Tensor:
            return clips.flatten(1)

    with pytest.raises(VidcondenseError, match=r"which Plain does not say; give it a method levels\(clips\)"):
        need_levels(Plain())
