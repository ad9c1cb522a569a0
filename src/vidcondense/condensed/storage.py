"""How the frames of a condensed set lie in its file: as numbers of several sizes, or as coded video."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.coding import streams, transform
from vidcondense.condensed.coding.packing import pack, unpack
from vidcondense.condensed.coding.streams import LEVELS, Coded, Places
from vidcondense.condensed.header import (
    CODED,
    FRAMES,
    LENGTHS,
    NUMBERS,
    OFFSET,
    PLACES,
    QUALITY,
    RANGES,
    SCALE,
    STEP,
    TILES,
    VIDEOS,
    Storage,
)

WHOLE = (torch.uint8, torch.uint16, torch.uint32)
"""Types of whole numbers in coded files, the smallest that holds them."""
MOST_NUMBERS = 2**26
"""Bytes of numbers beside them."""
MOST_VALUES = 2**30
"""Of frames in a coded file, which a stranger may have made: 4 GiB."""


@dataclass(frozen=True)
class Known:
    """How content was coded that was read from a file, so that it is written again without a second loss.

    Attributes:
        streams: that frames are in.
        steps: of cosine coefficients, by the tensor's name.
    """

    streams: Places = field(default_factory=dict)
    steps: Mapping[str, float] = field(default_factory=dict)

    def __or__(self, other: "Known") -> "Known":
        return Known({**self.streams, **other.streams}, {**self.steps, **other.steps})


@dataclass(frozen=True)
class Coding:
    """What coded video needs beside the frames.

    Attributes:
        rows: of each video, by the tensor's name.
        mean: per channel, in units of [0, 1].
        std: the same.
        quality: see `av1.encode`.
        finer: streams, from the first on, whose quality is a step better.
        tiles: videos side by side in a stream, at most.
        known: how it was coded before.
    """

    rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    quality: float = QUALITY
    finer: int = 0
    tiles: int = TILES
    known: Known = field(default_factory=Known)

    def units(self, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Mean and std of frames; what has one channel is no picture, and stays as it is."""
        mean, std = (self.mean, self.std) if shape[-3] == 3 else ((0.0,), (1.0,))
        return torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]


def encode(
    tensors: Mapping[str, Tensor], frames: Sequence[str], storage: Storage, coding: Coding = Coding()
) -> dict[str, Tensor]:
    """The tensors of a file.

    Args:
        tensors: content by name, float32.
        frames: names of those that hold frames (..., channel, height, width); the others stay as they are,
            but beside coded video whole numbers and the streams' ranges are packed into one.
        storage: float32; float16; uint8, where a frame's value is offset + scale * level with the offset
            and scale of the frame, its lowest value and a 255th of its range; or av1, where a video's frames
            are a stream, or cosine coefficients where they are too small for one.
        coding: what av1 needs beside.
    """
    made = dict(tensors)
    for name in frames:
        values = tensors[name].detach().cpu()
        if storage == "float16":
            made[name] = _half(name, values)
        elif storage == "av1":
            made |= _coded(name, values, coding)
        elif storage == "uint8":
            made |= dict(zip((name, name + SCALE, name + OFFSET), _levels(values), strict=True))
    if storage == "av1":
        made = _packed({name: _narrow(value) for name, value in made.items()}, frames)
    return made


def decode(
    tensors: Mapping[str, Tensor],
    frames: Sequence[str],
    storage: Storage,
    coding: Coding = Coding(),
    shapes: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> tuple[dict[str, Tensor], Known]:
    """Undo `encode`; frames are float32. What `encode` cannot have made is refused.

    Args:
        tensors: of a file.
        frames: names of those that hold frames.
        storage: how.
        coding: its mean and std.
        shapes: of frames that are streams.

    Returns:
        The content, and how it was coded.
    """
    tensors = unpacked(tensors) if storage == "av1" else tensors
    made = dict(tensors)
    known = Known()
    if storage == "av1":
        made = {name: _wide(value) if value.dtype in WHOLE else value for name, value in made.items()}
    for name in frames if storage != "float32" else ():
        if storage == "float16":
            made[name] = expect(tensors, name, torch.float16).float()
        elif storage == "av1":
            made[name], found = _decoded(name, made, tensors, shapes[name], coding)
            known = known | found
            for end in (*CODED, STEP):
                made.pop(name + end, None)
        else:
            made[name] = _values(tensors, name)
            del made[name + SCALE], made[name + OFFSET]
    return made, known


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file with coded video, with those that `encode` packed; the others as they are."""
    made = dict(tensors)
    if NUMBERS in made:
        data = expect(made, NUMBERS, torch.uint8).numpy().tobytes()
        del made[NUMBERS]
        try:
            made |= load(unpack(data, MOST_NUMBERS))
        except SafetensorError as error:
            raise VidcondenseError(f"packed numbers cannot be read ({error})") from error
    return made


def _packed(tensors: Mapping[str, Tensor], frames: Sequence[str]) -> dict[str, Tensor]:
    small = {
        name: value
        for name, value in tensors.items()
        if name not in frames and (value.dtype in (*WHOLE, torch.int64) or name.endswith(RANGES))
    }
    kept = {name: value for name, value in tensors.items() if name not in small}
    return kept | {NUMBERS: _bytes(pack(save(small)))}


def expect(tensors: Mapping[str, Tensor], name: str, dtype: torch.dtype) -> Tensor:
    """A tensor of a file, refused when it is not of the type that `save` writes; KeyError without it."""
    if tensors[name].dtype != dtype:
        raise VidcondenseError(f"tensor {name!r} is {tensors[name].dtype}, not {dtype}")
    return tensors[name]


def _coded(name: str, values: Tensor, coding: Coding) -> dict[str, Tensor]:
    """Frames as streams, those that are small as coefficients, with what reading them needs."""
    rows = list(coding.rows[name])
    if streams.fits(values.shape):
        units, known = coding.units(values.shape), coding.known.streams
        coded = streams.encode(values, rows, units, coding.quality, known, coding.finer, coding.tiles)
        made = dict(zip((name, *(name + end for end in CODED)), coded, strict=True))
        if torch.equal(coded.places, torch.arange(len(rows))):
            del made[name + PLACES]
        return made
    small = values.double().numpy().reshape(len(values), -1, *values.shape[-2:])
    step = coding.known.steps.get(name) or transform.step_size(small, coding.quality)
    return {
        name: _bytes(transform.encode(small, rows, step)),
        name + FRAMES: torch.tensor(rows),
        name + STEP: torch.tensor([step]),
    }


def _decoded(
    name: str,
    whole: Mapping[str, Tensor],
    tensors: Mapping[str, Tensor],
    shape: Sequence[int],
    coding: Coding,
) -> tuple[Tensor, Known]:
    """Undo `_coded`; `whole` has the tensors of whole numbers as int64."""
    data, rows = expect(tensors, name, torch.uint8), whole[name + FRAMES]
    if len(shape) < 4 or min(shape) < 1 or math.prod(shape) > MOST_VALUES:
        raise VidcondenseError(f"{name} cannot have the shape {list(shape)}")
    if name + STEP not in tensors:
        lengths = whole[name + LENGTHS]
        coded = Coded(
            data,
            lengths,
            whole.get(name + VIDEOS, torch.ones_like(lengths)),  # earlier versions had one in each
            expect(tensors, name + RANGES, torch.float16),
            rows,
            whole.get(name + PLACES, torch.arange(len(rows))),
        )
        values, known = streams.decode(coded, shape, coding.units(shape))
        return values, Known(streams=known)
    (step,) = expect(tensors, name + STEP, torch.float32).tolist()
    if int(rows.min()) < 1 or int(rows.sum()) != shape[0]:
        raise VidcondenseError(f"{name} is said to have {int(rows.sum())} frames, not {list(shape)}")
    inner = (math.prod(shape[1:-2]), *shape[-2:])
    small = transform.decode(data.numpy().tobytes(), rows.tolist(), inner, step)
    return torch.from_numpy(small).float().view(*shape), Known(steps={name: step})


def _bytes(data: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(data, np.uint8).copy())


def _half(name: str, values: Tensor) -> Tensor:
    made = values.half()
    if bool(made.isinf().any()):
        raise VidcondenseError(
            f"{name} has values beyond the range of float16 (65504): most likely a step size is too "
            "large; else choose storage float32 or uint8"
        )
    return made


def _levels(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Levels uint8, and scale and offset float32 of each frame; a frame of one colour has level 0."""
    lowest, highest = values.amin((-3, -2, -1)), values.amax((-3, -2, -1))
    scale = ((highest.double() - lowest.double()) / LEVELS).float()
    steps = (values.double() - lowest[..., None, None, None]) / scale[..., None, None, None].clamp_min(
        torch.finfo(torch.float32).tiny
    )
    return steps.round().clamp(0, LEVELS).to(torch.uint8), scale, lowest


def _values(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    levels = expect(tensors, name, torch.uint8)
    scale, offset = (expect(tensors, name + end, torch.float32) for end in (SCALE, OFFSET))
    if levels.ndim < 3 or scale.shape != levels.shape[:-3] or offset.shape != scale.shape:
        raise VidcondenseError(f"{name} needs a scale and an offset for each of its frames")
    return levels * scale[..., None, None, None] + offset[..., None, None, None]


def _narrow(values: Tensor) -> Tensor:
    """Whole numbers in the smallest type that holds them; others as they are."""
    if values.dtype != torch.int64 or int(values.min()) < 0:
        return values
    most = int(values.max())
    return values.to(next(kind for kind in (*WHOLE, torch.int64) if most <= torch.iinfo(kind).max))


def _wide(values: Tensor) -> Tensor:
    return values.to(torch.int64)
