"""Random changes of clips that keep their class: the same for all frames, differentiable in the pixels."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Changes:
    """What is done to each clip of a batch.

    Attributes:
        warp: (clip, 2, 3) float32: where a pixel is from, in affine_grid's units (-1..1 from edge to edge).
        colours: (clip, 3, 3) float32, multiplies the normalised colours of a pixel.
        offset: (clip, 3) float32, is added to them.
    """

    warp: Tensor
    colours: Tensor
    offset: Tensor

    def at(self, index: Tensor) -> "Changes":
        """Those of the entries `index`, (clip,) int64, which may repeat."""
        index = index.cpu()
        return Changes(self.warp[index], self.colours[index], self.offset[index])

    def of(self, clips: Tensor) -> Tensor:
        """Clips (clip, time, 3, height, width) changed, on their device, in their dtype; edges continue."""
        frames = clips.flatten(1, 2)
        grid = F.affine_grid(self.warp.to(frames), list(frames.shape), align_corners=False)
        moved = F.grid_sample(frames, grid, padding_mode="border", align_corners=False)
        time, pixels = clips.shape[1], moved.unflatten(1, clips.shape[1:3]).flatten(0, 1).flatten(2)
        colours = self.colours.to(clips).repeat_interleave(time, 0)
        offset = self.offset.to(clips).repeat_interleave(time, 0)[:, :, None]
        return torch.baddbmm(offset, colours, pixels).view(clips.shape)


@dataclass(frozen=True)
class Augmentation:
    """How far clips are changed.

    Attributes:
        zoom: a clip is magnified by up to 1 + zoom or reduced by as much (log-uniform).
        shift: it is moved by up to this share of its width and height (uniform).
        colour: contrast and saturation are multiplied by 1 ± colour, brightness moved by ± colour, and each
            of red, green and blue by ± a third of it, in the units of normalised clips (uniform).
    """

    zoom: float = 0.25
    shift: float = 0.125
    colour: float = 0.1

    def scaled(self, strength: float) -> "Augmentation":
        """The same, each extent times `strength`."""
        return Augmentation(self.zoom * strength, self.shift * strength, self.colour * strength)

    def draw(self, count: int, flip: float, rng: torch.Generator) -> Changes:
        """Changes for `count` clips, a share `flip` of them mirrored; `rng` is on the CPU for all devices."""

        def between(bound: float, *shape: int) -> Tensor:
            return (2 * torch.rand(count, *shape, generator=rng) - 1) * bound

        zoom = between(math.log1p(self.zoom)).exp()
        mirrored = torch.rand(count, generator=rng) < flip
        warp = torch.zeros(count, 2, 3)
        warp[:, 0, 0] = torch.where(mirrored, -1 / zoom, 1 / zoom)
        warp[:, 1, 1] = 1 / zoom
        warp[:, :, 2] = between(2 * self.shift, 2)  # affine_grid's pictures are 2 wide
        contrast, saturation = 1 + between(self.colour), 1 + between(self.colour)
        grey = ((1 - saturation) / 3)[:, None, None].expand(count, 3, 3)
        colours = contrast[:, None, None] * (grey + saturation[:, None, None] * torch.eye(3))
        return Changes(warp, colours, between(self.colour, 1) + between(self.colour / 3, 3))
