"""Section `check` of gpu.py: every operator of the product on the device, against float64 on the processor.

Inputs are rounded to bfloat16 first, so that both sides see the same numbers. An error is the largest of any
value, or of any element of a gradient, divided by the standard deviation of all.
"""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gpu_job import Job, Result, Row
from speed import Shape
from vidcondense import networks
from vidcondense.base.compute import Compute, generator, normalise
from vidcondense.base.selfcheck import TOLERANCE, convolution_error
from vidcondense.condensed.interpolation import interpolation_weights
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.networks.cnn import Stage
from vidcondense.networks.cpu import average_pool, convolve, group_norm, max_pool
from vidcondense.networks.heads import GRU
from vidcondense.networks.optimiser import low_pass
from vidcondense.networks.r2plus1d import Factorised
from vidcondense.networks.video_transformer import Layer
from vidcondense.objectives.real_frames import reduced

TOLERANCES = {torch.bfloat16: TOLERANCE, torch.float32: 0.01}
"""Convolutions in float32 may round what they multiply to ten bits on a GPU (TF32, PyTorch's default)."""
SEVERAL = 3
"""Times as much for layers of several operators and for whole networks, in which rounding adds up."""
NETWORKS = ("minic3d", "cnn_mean", "cnn_gru", "r2plus1d_18", "video_transformer")
BATCH = 2
Run = Callable[[nn.Module, Tensor], Tensor]


class Case(NamedTuple):
    """An operator: `run(module, x)` for x of a shape (batch first)."""

    name: str
    module: nn.Module
    run: Run
    shape: tuple[int, ...]
    gradients: bool = True
    precisions: tuple[torch.dtype, ...] = (torch.bfloat16, torch.float32)
    many: bool = False  # whether it is also run on as many clips as the product gives it
    several: bool = False  # whether it is several operators in one
    ordered: bool = True  # whether it gets its pixels channels-last


def check(job: Job) -> Result:
    """The section."""
    result = Result()
    rows: list[Row] = []
    shapes = [Shape(4, 32, 2, 2)] if job.small else job.shapes
    for shape in shapes:
        size = f"{shape.frames}x{shape.size}x{shape.size}"
        outline = networks.outline("minic3d", shape.classes, shape.frames, shape.size)
        chunk = outline.chunk(job.compute)
        for case in cases(shape.frames, shape.size):
            rows += compared(case, size, job.compute.device, [1])
            if case.many:
                fitting = max(2, chunk // BATCH) if job.on_gpu and not job.small else 2
                rows += compared(case, size, job.compute.device, [fitting])
    smallest = shapes[0]
    rows += whole_networks(smallest.frames, smallest.size, job.compute.device)
    rows += [normalised(smallest.size, job.compute.device, dtype) for dtype in TOLERANCES]
    own = convolution_error(job.compute.device)
    seconds = job.clock.seconds(lambda: convolution_error(job.compute.device))
    rows.append(verdict({"operator": "the product's own check", "precision": "bfloat16"}, [own], TOLERANCE))
    result.tables["Errors in standard deviations"] = rows
    result.failing = [
        f"{row['operator']} {row.get('shape', '')} in {row['precision']}"
        for row in rows
        if row["verdict"] != "ok"
    ]
    result.notes.append(
        f"The product's own check takes {1e3 * seconds:.0f} ms once its libraries are loaded."
    )
    return result


def cases(frames: int, size: int) -> Iterator[Case]:
    """Every operator, at the sizes that it has in networks for such clips."""
    plain = nn.Identity()
    half, eighth = size // 2, size // 8
    miniature = networks.build("minic3d", 5, frames, size)
    yield Case("minic3d conv1", miniature.conv1, convolve, (3, frames, size, size), many=True)
    yield Case("minic3d conv2", miniature.conv2, convolve, (64, frames, size // 4, size // 4), many=True)
    yield Case(
        "minic3d conv3", miniature.conv3, convolve, (128, frames // 2, size // 16, size // 16), many=True
    )
    yield Case("minic3d classifier", miniature.logit, called, (128, 2, 1, 1))
    pixels = (64, frames, half, half)
    for window in ((1, 2, 2), (2, 2, 2)):
        name = f"max_pool {window}"
        yield Case(name, plain, lambda _, x, w=window: max_pool(x, w), pixels)
        yield Case(f"{name} without gradient", plain, lambda _, x, w=window: max_pool(x, w), pixels, False)
    yield Case("average_pool", plain, lambda _, x: average_pool(x, (2, 2, 2)), (128, 4, 4, 4))
    side = min(size, 64)
    stage = Stage(3)
    yield Case("cnn first convolution", stage.convolution, called, (3, side, side))
    yield Case("cnn convolution", Stage(128).convolution, called, (128, side // 2, side // 2))
    yield Case("group_norm", stage.norm, group_norm, (128, side, side))
    yield Case("linear", nn.Linear(128 * eighth, 51), called, (128 * eighth,))
    yield Case("recurrent head (gru)", GRU(512, frames), called, (frames, 512), several=True)
    stem, block = Factorised(3, 45, 64, kernel=7, strides=(2, 1)), Factorised(64, 144, 64)
    yield Case("r2plus1d stem in space", stem.space, called, (3, size, size))
    yield Case("r2plus1d in space", block.space, called, (64, half, half))
    yield Case("r2plus1d in time", block.time, called, (144, frames, half * half))
    yield Case("r2plus1d shortcut", nn.Conv2d(64, 128, 1, bias=False), called, (64, half // 2, half // 2))
    yield Case("attention layer", Layer(), called, ((frames + 1) // 2 * 64, 192), several=True)
    exact = (torch.float32,)
    yield Case(
        "low_pass", plain, lambda _, x: low_pass(x, 4.0), (frames, 3, size, size), False, exact, ordered=False
    )
    yield Case("interpolation", plain, interpolated, (frames, 3, size, size), False, exact, ordered=False)
    yield Case("reduced real frames", plain, reduced_frames, (frames, 3, size, size), False, ordered=False)
    yield Case("sums by class", plain, sums_by_class, (2048,), False, exact)


def called(module: nn.Module, x: Tensor) -> Tensor:
    """A layer as it is."""
    made: Tensor = module(x)
    return made


def weights_in_time(x: Tensor) -> Tensor:
    """Interpolation between the first, a middle and the last frame, (video, time, time) float32."""
    is_key = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
    is_key[:, [0, x.shape[1] // 3, -1]] = True
    return interpolation_weights(is_key)


def interpolated(_: nn.Module, x: Tensor) -> Tensor:
    """As `KeyFrames.render` does it."""
    return torch.bmm(weights_in_time(x).to(x), x.flatten(2)).view_as(x)


def reduced_frames(_: nn.Module, x: Tensor) -> Tensor:
    """Real clips that keep three frames."""
    return next(reduced([(x, x)], weights_in_time(x)[0]))[0]


def sums_by_class(_: nn.Module, x: Tensor) -> Tensor:
    """Sums of features over clips, as distribution matching makes its means."""
    index = torch.arange(len(x), device=x.device) // 2
    return x.new_zeros(len(x), x.shape[1]).index_add_(0, index, x)


def compared(case: Case, size: str, device: torch.device, tiles: list[int]) -> Iterator[Row]:
    """A row for each precision and number of copies of the same clips that go through at once."""
    rng = generator(0, case.name)
    networks.initialise(case.module, rng)
    module = rounded(case.module)
    x = rounded(torch.randn(BATCH, *case.shape, generator=rng))
    with torch.no_grad():
        slope = rounded(torch.randn(case.run(module, x).shape, generator=rng))
    expected = outcome(case, module, x, slope)
    for dtype in case.precisions:
        tolerance = TOLERANCES[dtype] * (SEVERAL if case.several else 1)
        for count in tiles:
            row = {"operator": case.name, "shape": size, "clips": count * BATCH, "precision": name_of(dtype)}
            moved = copy.deepcopy(module).to(device, dtype)
            networks.channels_last(moved)
            try:
                inputs = [repeated(tensor.to(device, dtype), count) for tensor in (x, slope)]
                found = outcome(case, moved, *inputs)
                again = outcome(case, moved, *inputs)
            except RuntimeError as refused:  # too many clips at once, for one
                yield row | {"verdict": f"FAILS: {str(refused).splitlines()[0]}"}
                continue
            errors = [
                error(a, b, count, shared=number > 1)
                for number, (a, b) in enumerate(zip(found, expected, strict=True))
            ]
            same = all(torch.equal(a, b) for a, b in zip(found, again, strict=True))
            yield verdict(row, errors, tolerance) | {"same bits twice": "yes" if same else "no"}


def outcome(case: Case, module: nn.Module, x: Tensor, slope: Tensor) -> list[Tensor]:
    """The value, its gradient by x, and those by each weight."""
    x = channels_last(x) if case.ordered else x.detach().clone()
    x.requires_grad_(case.gradients)
    module.requires_grad_(case.gradients)
    made = case.run(module, x)
    if not case.gradients:
        return [made.detach()]
    return [made.detach(), *torch.autograd.grad(made, [x, *module.parameters()], slope.to(made))]


def error(found: Tensor, expected: Tensor, count: int, shared: bool) -> float:
    """Of the worst element, in standard deviations; infinite if one is not finite.

    Args:
        found: of `count` copies of the clips, one after another.
        expected: of the clips once.
        count: copies.
        shared: whether `found` is a sum over all clips (a weight's gradient).
    """
    expected = expected.to(found.device, torch.float32)
    parts = [found / count] if shared else found.split(len(found) // count)
    worst = torch.stack([(part.float() - expected).abs().max() for part in parts]).max()
    value = (worst / expected.std().clamp(min=1e-30)).item()
    return value if math.isfinite(value) else math.inf


def whole_networks(frames: int, size: int, device: torch.device) -> Iterator[Row]:
    """Features of every network. cnn_lstm, of half a billion weights, is left out: its steps are gru's."""
    for name in NETWORKS:
        network = networks.build(name, 5, frames, size).requires_grad_(False)
        networks.initialise(network, generator(0, name))
        network = rounded(network)
        clips = rounded(torch.randn(BATCH, frames, 3, size, size, generator=generator(0)))
        expected = network.embed(clips)
        for dtype in TOLERANCES:
            moved = copy.deepcopy(network).to(device, dtype)
            networks.channels_last(moved)
            found = moved.embed(clips.to(device, dtype))
            row = {"operator": f"features of {name}", "shape": f"{frames}x{size}x{size}"}
            row |= {"clips": BATCH, "precision": name_of(dtype)}
            yield verdict(row, [error(found, expected, 1, shared=False)], SEVERAL * TOLERANCES[dtype])


def normalised(size: int, device: torch.device, dtype: torch.dtype) -> Row:
    """uint8 pixels to normalised ones against the formula."""
    pixels = torch.randint(0, 256, (BATCH, 4, size, size, 3), dtype=torch.uint8, generator=generator(0))
    pixels = pixels.movedim(-1, -3)
    mean, std = (torch.tensor(each).double().view(3, 1, 1) for each in (IMAGENET_MEAN, IMAGENET_STD))
    found = normalise(pixels, IMAGENET_MEAN, IMAGENET_STD, Compute(device, dtype))
    row = {"operator": "normalise", "shape": f"4x{size}x{size}", "clips": BATCH, "precision": name_of(dtype)}
    return verdict(row, [error(found, (pixels / 255 - mean) / std, 1, shared=False)], TOLERANCES[dtype])


def verdict(row: Row, errors: list[float], tolerance: float) -> Row:
    """The row with its errors; one that is not finite is told in words, since JSON has no such number."""
    names = ("of the value", "of the gradient by the input", "of gradients by weights")
    for name, values in zip(names, (errors[:1], errors[1:2], errors[2:]), strict=True):
        if values:
            worst = max(values)
            row[name] = worst if math.isfinite(worst) else "not finite"
    fine = all(value <= tolerance for value in errors)
    return row | {"tolerance": tolerance, "verdict": "ok" if fine else "FAILS"}


def rounded(what: Any) -> Any:
    """In float64, but with numbers that bfloat16 holds."""
    return what.to(torch.bfloat16).double()


def repeated(x: Tensor, count: int) -> Tensor:
    """`count` copies of the clips, one after another."""
    return x.repeat(count, *(1 for _ in x.shape[1:]))


def channels_last(x: Tensor) -> Tensor:
    """A new leaf, its pixels in the order that networks have them in."""
    orders = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.detach().contiguous(memory_format=orders.get(x.dim(), torch.contiguous_format)).clone()


def name_of(dtype: torch.dtype) -> str:
    """ "bfloat16"."""
    return str(dtype).removeprefix("torch.")
