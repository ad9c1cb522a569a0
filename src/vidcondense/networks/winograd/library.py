"""The compiled transforms (winograd.c), where they were built, and the threads that run them."""

import ctypes
import functools
import importlib.machinery
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

WIDEST = {"AVX512": 16, "AVX2": 8}
"""Floats of the widest vectors, by what PyTorch uses (ATEN_CPU_CAPABILITY lowers it); else 4."""
FUNCTIONS = (
    "clips",
    "clips_adjoint",
    "products",
    "products_adjoint",
    "first",
    "first_to_clips",
    "first_to_kernel",
)
PARTS = 4
"""Parts of the work for each thread, so that one that is held up does not hold up the others."""


class Grid(ctypes.Structure):
    """`struct grid` of winograd.c."""

    _fields_ = [(name, ctypes.c_int64) for name in ("t", "h", "w", "c", "pairs", "rows", "columns", "apart")]


class _Task(ctypes.Structure):
    """`struct task` of winograd.c."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("function", "lanes", "units", "parts", "next")),
        ("tensor", ctypes.c_void_p * 4),
        ("clips", Grid),
        ("outputs", Grid),
        ("number", ctypes.c_int64 * 2),
    ]


@functools.cache
def library() -> ctypes.CDLL | None:
    """The library; None where the package was installed without a compiler, or for another processor."""
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        file = Path(__file__).with_name(f"_transforms{suffix}")
        if file.exists():
            try:
                return ctypes.CDLL(str(file))
            except OSError:
                return None
    return None


@functools.cache
def lanes() -> int:
    """Floats of the widest vector that this processor has; 0 without the library."""
    found, most = library(), WIDEST.get(torch.backends.cpu.get_cpu_capability(), 4)
    return int(found.winograd_lanes(ctypes.c_int64(most))) if found else 0


def run(
    name: str,
    units: int,
    tensors: tuple[Tensor, ...],
    clips: Grid,
    outputs: Grid,
    numbers: tuple[int, ...] = (),
) -> None:
    """Do all units of one of FUNCTIONS, in as many threads as PyTorch has.

    Args:
        name: of the function.
        units: how many there are; results do not depend on how they are shared out.
        tensors: float32, contiguous but for the stride of a first dimension that the grid knows.
        clips: how clips are cut into tiles.
        outputs: how outputs are.
        numbers: what else it takes.
    """
    found, threads = library(), torch.get_num_threads()
    assert found is not None
    addresses = (ctypes.c_void_p * 4)(*(tensor.data_ptr() for tensor in tensors))
    settings = (FUNCTIONS.index(name), lanes(), units, min(units, PARTS * threads), 0)
    task = _Task(*settings, addresses, clips, outputs, (ctypes.c_int64 * 2)(*numbers))
    if threads == 1 or units < 2:
        found.winograd_work(ctypes.byref(task))
    else:
        _in_threads(found.winograd_work, task, threads)


def _in_threads(work: Any, task: _Task, threads: int) -> None:
    start = _pytorchs()
    if start is not None:
        start(
            ctypes.cast(work, ctypes.c_void_p), ctypes.byref(task), ctypes.c_uint(threads), ctypes.c_uint(0)
        )
        return
    others = [_own(threads - 1).submit(work, ctypes.byref(task)) for _ in range(threads - 1)]
    work(ctypes.byref(task))
    for other in others:
        other.result()


@functools.cache
def _pytorchs() -> Callable[..., object] | None:
    """What starts the threads of PyTorch's own OpenMP library, if it brings GNU's.

    They wait for work by spinning, so that other threads beside them would get half a core.
    """
    for file in (Path(torch.__file__).parent / "lib").glob("libgomp*"):
        try:
            start: Callable[..., object] = ctypes.CDLL(str(file)).GOMP_parallel
        except (OSError, AttributeError):
            continue
        return start
    return None


@functools.cache
def _own(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="winograd")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_own.cache_clear)  # a child has none of its parent's threads
