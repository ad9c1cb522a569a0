"""Winograd's convolution as operators of PyTorch, differentiable as often as one likes.

A convolution is linear in clips and in the kernel; its two gradients are the other two ways to contract the
same three tensors, and their gradients are again one of the three. `first_...` is a first layer of 3 colours.
Tensors: clips and outputs (video, time, height, width, channel), kernels as in kernels.py, all float32.
"""

import math
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from vidcondense.networks.winograd.kernels import ALL, POINTS, transposed_first_kernel
from vidcondense.networks.winograd.library import Grid, lanes, run

MOST_TILES = 128
"""Tiles at a time: more leave the caches, and fewer read the kernel too often."""
LEAST_PRODUCT = 64
"""Rows of a product, and 16 or a multiple more: with fewer, or with a remainder, a library sums up in another
order, and a clip would have other bits beside other clips. Rows beyond the tiles are left as they are."""
SLICES = 8
"""Parts of the tiles whose sums for a first layer's kernel are made apart, however many threads there are."""
SIDE, LINE = 4, 16

_kept = threading.local()


@torch.library.custom_op("vidcondense::winograd", mutates_args=())
def convolution(clips: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """Outputs of kernel 3x7x7, stride 1x2x2 and padding 1x3x3; channels in multiples of 64."""
    clips = clips.contiguous()
    y = _outputs(clips, kernel.shape[1])
    for part in _parts(clips, y):
        part.run("clips", part.clips, part.left)
        torch.bmm(part.left, kernel.transpose(1, 2), out=part.products)
        part.run("products", part.products, part.outputs, bias)
    return y


@torch.library.custom_op("vidcondense::winograd_to_clips", mutates_args=())
def to_clips(outputs: Tensor, kernel: Tensor, height: int, width: int) -> Tensor:
    """The gradient of clips from that of outputs."""
    outputs = outputs.contiguous()
    clips = outputs.new_zeros(*outputs.shape[:2], height, width, kernel.shape[2] // 4)
    for part in _parts(clips, outputs):
        part.run("products_adjoint", part.products, part.outputs)
        torch.bmm(part.products, kernel, out=part.left)
        part.run("clips_adjoint", part.clips, part.left, units=len(part.clips) * clips.shape[4] // lanes())
    return clips


@torch.library.custom_op("vidcondense::winograd_to_kernel", mutates_args=())
def to_kernel(clips: Tensor, outputs: Tensor) -> Tensor:
    """The gradient of the kernel from clips and the gradient of outputs."""
    clips, outputs = clips.contiguous(), outputs.contiguous()
    found = clips.new_empty(ALL, outputs.shape[4], 4 * clips.shape[4])
    for number, part in enumerate(_parts(clips, outputs)):
        part.run("clips", part.clips, part.left)
        part.run("products_adjoint", part.products, part.outputs)
        sides = part.products[:, : part.tiles].transpose(1, 2), part.left[:, : part.tiles]
        found.baddbmm_(*sides) if number else torch.bmm(*sides, out=found)
    return found


@torch.library.custom_op("vidcondense::winograd_first", mutates_args=())
def first_convolution(clips: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """As `convolution`, of 3 colours."""
    return _first(clips, kernel, bias, 1)


@torch.library.custom_op("vidcondense::winograd_first_pooled", mutates_args=())
def first_pooled(clips: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """As `first_convolution`, then the largest of every 2x2 pixels and of 0; it has no gradients."""
    return _first(clips, kernel, bias, 2)


@torch.library.custom_op("vidcondense::winograd_first_to_clips", mutates_args=())
def first_to_clips(outputs: Tensor, kernel: Tensor, height: int, width: int) -> Tensor:
    """As `to_clips`, of 3 colours."""
    outputs = outputs.contiguous()
    clips = outputs.new_zeros(*outputs.shape[:2], height, width, 3)
    grid, given = _grids(clips, outputs)
    transposed = transposed_first_kernel(kernel)
    for odd in (0, 1):
        units = len(clips) * ((grid.pairs + 1 - odd) // 2)
        if units:
            run("first_to_clips", units, (clips, outputs, transposed), grid, given, (odd,))
    return clips


@torch.library.custom_op("vidcondense::winograd_first_to_kernel", mutates_args=())
def first_to_kernel(clips: Tensor, outputs: Tensor) -> Tensor:
    """As `to_kernel`, of 3 colours."""
    clips, outputs = clips.contiguous(), outputs.contiguous()
    grid, given = _grids(clips, outputs)
    tiles = len(clips) * _tiles(clips)
    found = clips.new_zeros(SLICES, POINTS * POINTS, 12, 4, outputs.shape[4])
    run("first_to_kernel", SLICES, (clips, outputs, found), grid, given, (tiles, SLICES))
    return found.sum(0)


def _first(clips: Tensor, kernel: Tensor, bias: Tensor, pool: int) -> Tensor:
    clips = clips.contiguous()
    y = _outputs(clips, len(bias), pool)
    grid, given = _grids(clips, y)
    run("first", len(clips) * _tiles(clips), (clips, y, kernel.contiguous(), bias), grid, given, (pool,))
    return y


def _outputs(clips: Tensor, channels: int, pool: int = 1) -> Tensor:
    height, width = (-(-side // 2) // pool for side in clips.shape[2:4])
    return clips.new_empty(*clips.shape[:2], height, width, channels)


def _cut(clips: Tensor) -> tuple[int, int, int]:
    """Pairs of steps, rows and columns of tiles."""
    return (-(-clips.shape[1] // 2), -(-clips.shape[2] // (2 * SIDE)), -(-clips.shape[3] // (2 * SIDE)))


def _tiles(clips: Tensor) -> int:
    """Tiles of each clip."""
    return math.prod(_cut(clips))


def _grids(clips: Tensor, outputs: Tensor, left: int = 0, products: int = 0) -> tuple[Grid, Grid]:
    """Of clips and of outputs."""
    cut = _cut(clips)
    return Grid(*clips.shape[1:], *cut, left), Grid(*outputs.shape[1:], *cut, products)


class _Part(NamedTuple):
    clips: Tensor
    outputs: Tensor
    left: Tensor
    products: Tensor
    grids: tuple[Grid, Grid]
    tiles: int

    def run(self, name: str, *tensors: Tensor, units: int = 0) -> None:
        run(name, units or self.tiles, tensors, *self.grids)


def _parts(clips: Tensor, outputs: Tensor) -> Iterator[_Part]:
    """Some clips at a time, with room for their matrices (point, row per tile, channel) and both grids."""
    per_clip = _tiles(clips)
    some = max(1, MOST_TILES // per_clip)
    for x, y in zip(clips.split(some), outputs.split(some), strict=True):
        tiles = len(x) * per_clip
        rows = max(LEAST_PRODUCT, -(-tiles // LINE) * LINE)
        left, products = _room("left", rows, 4 * x.shape[4]), _room("products", rows, y.shape[4])
        yield _Part(x, y, left, products, _grids(x, y, left.stride(0), products.stride(0)), tiles)


def _room(name: str, rows: int, channels: int) -> Tensor:
    """Memory that is kept from call to call, as fresh memory costs as much as the transforms."""
    apart = rows * channels + LINE
    held: Tensor | None = getattr(_kept, name, None)
    if held is None or held.numel() < ALL * apart:
        held = torch.zeros(ALL * apart)
        setattr(_kept, name, held)
    return held.as_strided((ALL, rows, channels), (apart, channels, 1))


def _differentiable(forward: Any, to_clips: Any, to_kernel: Any) -> None:
    """Give the three ways to contract clips, kernel and outputs their gradients: each other."""

    def keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*(one for one in inputs if isinstance(one, Tensor)))

    def of_forward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        clips, kernel, _ = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            to_clips(given, kernel, *clips.shape[2:4]) if wanted[0] else None,
            to_kernel(clips, given) if wanted[1] else None,
            given.sum((0, 1, 2, 3)) if wanted[2] else None,
        )

    def of_clips(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        outputs, kernel = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            forward(given, kernel, outputs.new_zeros(outputs.shape[4])) if wanted[0] else None,
            to_kernel(given, outputs) if wanted[1] else None,
            None,
            None,
        )

    def of_kernel(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        clips, outputs = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            to_clips(outputs, given, *clips.shape[2:4]) if wanted[0] else None,
            forward(clips, given, outputs.new_zeros(outputs.shape[4])) if wanted[1] else None,
        )

    for operator, gradients in ((forward, of_forward), (to_clips, of_clips), (to_kernel, of_kernel)):
        operator.register_autograd(gradients, setup_context=keep)


_differentiable(convolution, to_clips, to_kernel)
_differentiable(first_convolution, first_to_clips, first_to_kernel)


def _as_the_plain_one(channels: int, clips: torch.Size, outputs: int) -> int:
    """Operations of the plain method, two for a multiplication with its addition."""
    positions = math.prod(clips[:2]) * math.prod(-(-side // 2) for side in clips[2:4])
    return 2 * positions * channels * outputs * 3 * 7 * 7


@register_flop_formula(
    [
        torch.ops.vidcondense.winograd,
        torch.ops.vidcondense.winograd_first,
        torch.ops.vidcondense.winograd_first_pooled,
    ]
)
def _forward_flops(clips: Any, kernel: Any, bias: Any, **_: Any) -> int:
    return _as_the_plain_one(clips[4], clips, bias[0])


@register_flop_formula(
    [torch.ops.vidcondense.winograd_to_clips, torch.ops.vidcondense.winograd_first_to_clips]
)
def _to_clips_flops(outputs: Any, kernel: Any, height: int, width: int, *, out_shape: Any, **_: Any) -> int:
    return _as_the_plain_one(out_shape[4], out_shape, outputs[4])


@register_flop_formula(
    [torch.ops.vidcondense.winograd_to_kernel, torch.ops.vidcondense.winograd_first_to_kernel]
)
def _to_kernel_flops(clips: Any, outputs: Any, **_: Any) -> int:
    return _as_the_plain_one(clips[4], clips, outputs[4])
