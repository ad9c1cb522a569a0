"""Registration: the coarse displacement fields that make one frame look like another."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.condensed.displacement import Parts, warp

LEVELS = (4, 2, 1)  # pictures are first reduced by this, so that what moved far is found
STEPS = (60, 40, 20)
RATES = (0.02, 0.01, 0.005)  # of Adam, in widths of the picture
BENDING = 0.3  # what a field costs that is not affine, where pictures do not decide


def register(clips: Tensor, keys: Tensor, found: Parts, nodes: int) -> Tensor:
    """Fields that warp the key frames of clips into their other frames, (video, part, 2, nodes, nodes).

    Each field minimises the mean squared difference of pixels, plus a little for what is not affine. From a
    key frame on, the field of each further frame starts from those of the two before it, continued evenly
    and as they are, and keeps the better: a shape may move by more than its size.

    Args:
        clips: (video, time, 3, height, width) float32, normalised.
        keys: (key frame,) int64, their times.
        found: the parts of such clips.
        nodes: rows and columns of a field, at least 2.
    """
    blank = clips.new_zeros(len(clips), 2, nodes, nodes)
    fields = blank[:, None].repeat(1, len(found.times), 1, 1, 1)
    for key, source in enumerate(keys.tolist()):
        mine = [(int(found.times[part]), part) for part in (found.keys == key).nonzero()[:, 0].tolist()]
        after = [(time, part) for time, part in mine if time > source]
        before = [(time, part) for time, part in reversed(mine) if time < source]
        for way in (after, before):
            last = now = blank
            for time, part in way:
                starts = (now, 2 * now - last)
                last, now = now, _best(clips[:, source], clips[:, time], starts)
                fields[:, part] = now
    return fields


def _best(source: Tensor, target: Tensor, starts: tuple[Tensor, ...]) -> Tensor:
    """Of the fields found from several starts the best one for each video."""
    ends = torch.stack([_fit(source, target, start) for start in starts])
    with torch.no_grad():
        costs = torch.stack([_cost(source, target, end) for end in ends])
    return ends[costs.argmin(0), torch.arange(len(source), device=source.device)]


def _fit(source: Tensor, target: Tensor, start: Tensor) -> Tensor:
    field = start.clone().requires_grad_()
    for level, steps, rate in zip(LEVELS, STEPS, RATES, strict=True):
        small = [F.avg_pool2d(frames, level) if level > 1 else frames for frames in (source, target)]
        optimiser = torch.optim.Adam([field], rate)
        for _ in range(steps):
            (field.grad,) = torch.autograd.grad(_cost(small[0], small[1], field).sum(), field)
            optimiser.step()
    return field.detach()


def _cost(source: Tensor, target: Tensor, field: Tensor) -> Tensor:
    """(video,) mean squared difference of pixels and bending."""
    bends = (field.diff(n=2, dim=2).square().sum((1, 2, 3)), field.diff(n=2, dim=3).square().sum((1, 2, 3)))
    return (warp(source, field) - target).square().mean((1, 2, 3)) + BENDING * (bends[0] + bends[1])
