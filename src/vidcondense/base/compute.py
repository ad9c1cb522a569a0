"""Device, precision and seeds: the only file that knows the hardware."""

import hashlib
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from vidcondense.base import bfloat16
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.selfcheck import allows_bfloat16
from vidcondense.base.units import plural

Precision = Literal["auto", "float32", "bfloat16"]

_DEVICES = ("cpu", "cuda")

# Elements of the largest activation of a forward pass on a CPU: more leave the cache (docs/performance.md).
_CACHED_ELEMENTS = 8 * 2**20
# On a GPU the part of its memory for it: a backward pass keeps several, beside weights and a resident store.
_GPU_SHARE = 32

_CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Compute:
    """Where and how precisely networks run.

    Attributes:
        device: the torch device.
        dtype: of activations and network weights in matching: float32 or bfloat16.
    """

    device: torch.device
    dtype: torch.dtype

    @property
    def precision(self) -> Literal["float32", "bfloat16"]:
        """ "float32" or "bfloat16"."""
        return "bfloat16" if self.dtype == torch.bfloat16 else "float32"

    @property
    def exact(self) -> "Compute":
        """The same device in float32."""
        return Compute(self.device, torch.float32)

    def autocast(self) -> torch.autocast:
        """The context in which networks with float32 weights run at this precision."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def chunk(self, widest: int, weights: int = 0) -> int:
        """Clips per forward pass; bounds memory whatever the dataset's size.

        Args:
            widest: elements of the largest activation per clip (`VideoNetwork.widest_activation`).
            weights: the network's number of parameters. Each pass reads all of them, so activations may be
                as large: a huge network fed clip by clip would only move its weights.
        """
        gpu = self.device.type == "cuda"
        usual = self.memory() // _GPU_SHARE // self.dtype.itemsize if gpu else _CACHED_ELEMENTS
        usual = min(usual, 2**31 - 1)  # what a kernel on a GPU can count
        return max(1, max(usual, weights) // widest)

    def memory(self) -> int:
        """Bytes of memory that the device has in all."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_properties(self.device).total_memory
        return min(_host_memory(), _container_memory())

    def peak_memory(self) -> int:
        """Bytes that this process has held at most so far: on a GPU of its memory, else of the host's."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return _host_peak()

    def hardware(self) -> str:
        """The processor and thread count, for provenance."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        vectors = torch.backends.cpu.get_cpu_capability()
        threads = plural(torch.get_num_threads(), "thread")
        return f"{platform.machine()} CPU ({vectors}), {threads} on {plural(os.cpu_count() or 1, 'core')}"


def _host_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not a Unix: nothing to compare with
        return sys.maxsize


def _host_peak() -> int:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # not Linux: nothing is known
        return 0
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def _container_memory() -> int:
    """The limit of the control group (version 2 or 1), which stops a process long before the host is full."""
    for path in _CONTAINER_LIMITS:
        try:
            return int(Path(path).read_text())
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return sys.maxsize


def choose(device: str = "auto", precision: Precision = "auto") -> Compute:
    """Pick device and precision.

    "auto" takes a GPU where there is one, and bfloat16 where that is fast (`bfloat16.gain`).

    Raises:
        VidcondenseError: no such device here, or bfloat16 is asked for where `selfcheck` finds it wrong.
    """
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise VidcondenseError(f"device {name!r} is not known; use auto, cpu, cuda or cuda:N") from error
    if chosen.type not in _DEVICES:
        raise VidcondenseError(f"device {name!r} is not supported; use auto, cpu, cuda or cuda:N")
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise VidcondenseError(
            f"device {name!r} was asked for, but PyTorch sees no GPU here; use --device cpu"
        )
    half = _has_fast_bfloat16(chosen) if precision == "auto" else precision == "bfloat16"
    half = half and allows_bfloat16(chosen, asked=precision == "bfloat16")
    if precision == "bfloat16" and chosen.type == "cpu":
        bfloat16.warn_if_slow()
    return Compute(chosen, torch.bfloat16 if half else torch.float32)


def _has_fast_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bfloat16.gain() >= bfloat16.FAST


def derive_seed(seed: int, *stream: str | int) -> int:
    """A 63-bit seed for one named stream of random numbers.

    Independent streams per purpose and iteration mean that a resumed run needs no generator state.
    """
    text = repr((seed, *stream)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1


def root_seed(seed: int, split: str) -> int:
    """What all random numbers of a run, an evaluation or experts derive from: another one for every split.

    So the same seed on two splits shares neither networks nor choices of videos, and is two samples.
    """
    return derive_seed(seed, "split", split)


def generator(seed: int, *stream: str | int) -> torch.Generator:
    """A CPU generator for one named stream: the same numbers on every device."""
    return torch.Generator().manual_seed(derive_seed(seed, *stream))


def normalise(pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...], compute: Compute) -> Tensor:
    """uint8 clips (..., 3, height, width) to normalised ones in the compute dtype on its device.

    Worked through row by row, colours side by side as a store holds them, so that the processor sees long
    runs of numbers (eight times faster than three at a time); the result is channels-last in memory.
    """
    width = pixels.shape[-1]
    shift = (torch.tensor(mean, device=compute.device) * 255).repeat(width)
    scale = 1 / (torch.tensor(std, device=compute.device) * 255).repeat(width)
    rows = pixels.to(compute.device).movedim(-3, -1).flatten(-2)
    normal = rows.float().sub_(shift).mul_(scale).to(compute.dtype)
    clips: Tensor = normal.unflatten(-1, (width, -1)).movedim(-1, -3)
    return clips
