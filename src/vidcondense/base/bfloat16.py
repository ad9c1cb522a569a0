"""Whether this processor multiplies bfloat16 fast, by trying: a list of processors would be out of date.

With instructions for it a product of matrices takes a half to a fifth of the time that it takes in float32;
without them, up to a hundred times as long. What is found is kept in a file per machine, so that the
processes of one run choose alike, whatever else the machine has to do.
"""

import json
import math
import os
import platform
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.progress import Progress

FAST, SLOW = 1.5, 1 / 3
"""How many times faster than float32 it has to be to be chosen, and not to be warned of."""
SIDE, TRIES = 256, 25


@cache
def gain() -> float:
    """How many times as fast as in float32 a product of matrices in bfloat16 is on this processor."""
    file, key = _file(), _machine()
    known = _read(file) if file else {}
    if key not in known:
        known[key] = measured()
        if file:
            with suppress(VidcondenseError):  # where nothing can be written it is measured again next time
                files.make_folder(file.parent)
                files.write_json(file, known)
    return known[key]


def measured() -> float:
    """`gain`, from the quickest of many products, so that other work hardly counts: about 30 ms."""
    exact = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    best = {torch.float32: math.inf, torch.bfloat16: math.inf}
    for _ in range(1 + TRIES):  # the first round warms up
        for dtype in best:
            side = exact.to(dtype)
            began = time.perf_counter()
            torch.mm(side, side)
            best[dtype] = min(best[dtype], time.perf_counter() - began)
        if best[torch.bfloat16] > 10 * best[torch.float32]:
            break
    return round(best[torch.float32] / best[torch.bfloat16], 3)


@cache
def warn_if_slow() -> None:
    """Say in one line, once, that bfloat16 was asked for where it takes many times as long."""
    if gain() < SLOW:
        Progress(0).say(
            f"this processor takes {1 / gain():.0f} times as long for products in bfloat16 as in float32 "
            "(measured); --precision float32 is advised"
        )


def _machine() -> str:
    """What the answer depends on."""
    environment = [os.environ.get(name, "") for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")]
    words = [platform.node(), _processor(), torch.__version__, torch.get_num_threads(), *environment]
    return " | ".join(map(str, words))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    wanted = ("model name", "model\t", "stepping", "CPU part")
    return " ".join(
        dict.fromkeys(line.partition(":")[2].strip() for line in lines if line.startswith(wanted))
    )


def _file() -> Path | None:
    """Where it is kept; None for a user without a home."""
    try:
        folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        return None
    return Path(folder) / "vidcondense" / "bfloat16.json"


def _read(file: Path) -> dict[str, float]:
    """What was found earlier; nothing where the file is missing or holds something else."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    numbers = {str(key): value for key, value in found.items() if isinstance(value, float | int)}
    return {key: float(value) for key, value in numbers.items() if value > 0}
