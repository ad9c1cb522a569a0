"""Whether a GPU multiplies bfloat16 right, tried on convolutions like those of miniC3D before they are used.

A library may get them wrong without any error: cuDNN 9.10.2 did for 3D convolutions of large inputs (PyTorch
issue 163539). This finds what goes wrong with small ones too; measurements/gpu.py looks at large ones.
"""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.progress import Progress

TOLERANCE = 0.1
"""The largest error of a value, by the standard deviation of all: rounding to bfloat16 gives 0.02, a wrong
sum about 1."""

# Channels in and out, frames, height and width: the first two layers of miniC3D on few pixels.
_SHAPES = ((3, 64, 4, 32), (64, 128, 4, 8))


def allows_bfloat16(device: torch.device, *, asked: bool) -> bool:
    """Whether bfloat16 may be used; on a processor always. A GPU is checked once per process.

    Args:
        device: where.
        asked: whether a user has asked for bfloat16, who is told by an error; else a line is said.

    Raises:
        VidcondenseError: it was asked for, and the check fails.
    """
    if device.type != "cuda":
        return True
    fault = _fault(device)
    if fault and asked:
        raise VidcondenseError(f"{fault}; use --precision float32, or another version of cuDNN")
    if fault:
        _say(f"{fault}; float32 is used")
    return not fault


@cache
def _say(line: str) -> None:
    Progress(0).say(line)


@cache
def _fault(device: torch.device) -> str:
    """What is wrong; empty if nothing is."""
    error = convolution_error(device)
    if error <= TOLERANCE:
        return ""
    return (
        f"{device} gets 3D convolutions in bfloat16 wrong (cuDNN {torch.backends.cudnn.version()}), by "
        f"{error:.2g} standard deviations of a value, of which rounding explains {TOLERANCE:g} at most"
    )


def convolution_error(device: torch.device) -> float:
    """The largest error of values and gradients in bfloat16, by their standard deviation; inf if not finite.

    Compared with float32 on the processor, of the same numbers: some hundredths of a second.
    """
    rng = torch.Generator().manual_seed(0)
    worst = 0.0
    for channels_in, channels_out, frames, size in _SHAPES:
        kernel = torch.randn(channels_out, channels_in, 3, 7, 7, generator=rng)
        clips = torch.randn(1, channels_in, frames, size, size, generator=rng)
        slope = torch.randn(1, channels_out, frames, size // 2, size // 2, generator=rng)
        rounded = [tensor.bfloat16() for tensor in (clips, kernel, slope)]
        expected = _values(*(tensor.float() for tensor in rounded))
        found = _values(*(tensor.to(device) for tensor in rounded))
        worst = max(worst, *(_error(a, b) for a, b in zip(found, expected, strict=True)))
    return worst


def _values(clips: Tensor, kernel: Tensor, slope: Tensor) -> tuple[Tensor, ...]:
    """A convolution, and its gradients by clips and kernel; channels-last, as networks have them."""
    clips, kernel = (
        tensor.contiguous(memory_format=torch.channels_last_3d).requires_grad_() for tensor in (clips, kernel)
    )
    with torch.enable_grad():
        made = F.conv3d(clips, kernel, stride=(1, 2, 2), padding=(1, 3, 3))
        return made.detach(), *torch.autograd.grad(made, (clips, kernel), slope)


def _error(found: Tensor, expected: Tensor) -> float:
    error = ((found.float().cpu() - expected).abs().max() / expected.std()).item()
    return error if math.isfinite(error) else math.inf
