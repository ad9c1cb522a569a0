"""How the frames of a condensed set lie in its file: as float32, or in half or a quarter of its bytes."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.header import OFFSET, SCALE, Storage

LEVELS = 255


def encode(tensors: Mapping[str, Tensor], frames: Sequence[str], storage: Storage) -> dict[str, Tensor]:
    """The tensors of a file.

    Args:
        tensors: content by name, float32.
        frames: names of those that hold frames (..., channel, height, width); the others stay as they are.
        storage: float32; float16; or uint8, where a frame's value is offset + scale * level with the offset
            and scale of the frame, its lowest value and a 255th of its range.
    """
    made = dict(tensors)
    for name in frames:
        values = tensors[name].detach().cpu()
        if storage == "float16":
            made[name] = values.half()
            if bool(made[name].isinf().any()):
                raise VidcondenseError(
                    f"{name} has values beyond the range of float16 (65504): most likely a step size is too "
                    "large; else choose storage float32 or uint8"
                )
        elif storage == "uint8":
            made |= dict(zip((name, name + SCALE, name + OFFSET), _levels(values), strict=True))
    return made


def decode(tensors: Mapping[str, Tensor], frames: Sequence[str], storage: Storage) -> dict[str, Tensor]:
    """Undo `encode`; frames are float32. What `encode` cannot have made is refused."""
    made = dict(tensors)
    if storage == "float32":
        return made
    for name in frames:
        if storage == "float16":
            made[name] = expect(tensors, name, torch.float16).float()
            continue
        levels = expect(tensors, name, torch.uint8)
        scale, offset = (expect(tensors, name + end, torch.float32) for end in (SCALE, OFFSET))
        if levels.ndim < 3 or scale.shape != levels.shape[:-3] or offset.shape != scale.shape:
            raise VidcondenseError(f"{name} needs a scale and an offset for each of its frames")
        made[name] = levels * scale[..., None, None, None] + offset[..., None, None, None]
        del made[name + SCALE], made[name + OFFSET]
    return made


def expect(tensors: Mapping[str, Tensor], name: str, dtype: torch.dtype) -> Tensor:
    """A tensor of a file, refused when it is not of the type that `save` writes; KeyError without it."""
    if tensors[name].dtype != dtype:
        raise VidcondenseError(f"tensor {name!r} is {tensors[name].dtype}, not {dtype}")
    return tensors[name]


def _levels(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Levels uint8, and scale and offset float32 of each frame; a frame of one colour has level 0."""
    lowest, highest = values.amin((-3, -2, -1)), values.amax((-3, -2, -1))
    scale = ((highest.double() - lowest.double()) / LEVELS).float()
    steps = (values.double() - lowest[..., None, None, None]) / scale[..., None, None, None].clamp_min(
        torch.finfo(torch.float32).tiny
    )
    return steps.round().clamp(0, LEVELS).to(torch.uint8), scale, lowest
