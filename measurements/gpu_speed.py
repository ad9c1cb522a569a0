"""Sections `speed` and `prepare` of gpu.py: the product against slow references and the ceilings."""

import shutil
import tempfile
from pathlib import Path

import torch

import prepare as decoding
from clock import Spread, ratio
from gpu_check import name_of
from gpu_job import Job, Result, Row, milliseconds
from speed import Shape, Work
from stages import normal, useful_flop
from vidcondense import networks
from vidcondense.base.compute import Compute, generator
from vidcondense.base.processes import usable_cores


def speed(job: Job) -> Result:
    """Iteration, training step and test, beside the reference and the ceilings of the device."""
    side, megabytes = (512, 16) if job.small else (8192, 1024)
    products = {
        name_of(dtype): job.clock.product_rate(dtype, side) for dtype in (torch.float32, torch.bfloat16)
    }
    copies = job.clock.copy_rate(megabytes)
    result = Result()
    result.tables["Ceilings"] = [
        {"what": f"product of two {side}x{side} matrices in {name}", "rate": rate, "unit": "GFLOP/s"}
        for name, rate in products.items()
    ] + [{"what": f"copy of {megabytes} MiB, read and written", "rate": copies, "unit": "GB/s"}]
    for shape in job.shapes:
        title = f"{shape.frames}x{shape.size}x{shape.size}, {shape.classes} classes, VPC 1, "
        title += f"{shape.batch_real} real clips of each"
        work = Work(shape, job.compute)
        result.tables[title] = against_reference(job, work, shape, products[job.compute.precision])
        expected, loss, cosine = work.agreement()
        result.notes.append(
            f"{title}, on the same weights: loss {loss:.5g}, the reference's {expected:.5g}; cosine of "
            f"the two gradients of a frame {cosine.min():.4f} at least, {cosine.mean():.4f} on average."
        )
    result.notes.append(
        "Work is counted as the plain method needs it, without the products by the zeros around a clip. The "
        "reference is in float32 as PyTorch has it by default, the pixels of both lie on the device."
    )
    return result


def against_reference(job: Job, work: Work, shape: Shape, ceiling: float) -> list[Row]:
    """A row for each part of the work; `ceiling` in GFLOP/s."""
    flop = flop_of_parts(shape)
    rows = []
    for name, (slow, fast) in work.parts().items():
        times = job.clock.in_turn({"reference": slow, "ours": fast}, job.rounds)
        ratios = ratio(times["reference"], times["ours"])
        rate = flop[name] / Spread.of(times["ours"]).median / 1e9
        rows.append(
            {
                "part": name,
                **milliseconds("ours, ", times["ours"]),
                **milliseconds("reference, ", times["reference"]),
            }
            | {"ratio": ratios.median, "ratio, least": ratios.least, "ratio, most": ratios.most}
            | {"GFLOP/s": rate, "% of products": 100 * rate / ceiling}
        )
    return rows


def flop_of_parts(shape: Shape) -> dict[str, float]:
    """Operations of each part: forward once per real clip, twice and three times for gradients."""
    cpu = Compute(torch.device("cpu"), torch.float32)
    network = networks.build("minic3d", shape.classes, shape.frames, shape.size).requires_grad_(False)
    networks.initialise(network, generator(0))
    pixels = torch.zeros(1, shape.frames, shape.size, shape.size, 3, dtype=torch.uint8).movedim(-1, -3)
    clip = sum(useful_flop(network, normal(pixels, cpu)).values())
    real = shape.classes * shape.batch_real
    return {
        "PRISM iteration": (real + 2 * shape.classes) * clip,
        "evaluation step": 3 * shape.classes * clip,
        "evaluation test": real * clip,
    }


def prepare(job: Job) -> Result:
    """Decoding into a store against a loop that only decodes and scales, in as many processes."""
    size, workers = job.shapes[-1].size, 1 if job.small else usable_cores()
    job.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=job.folder) as temporary:
        folder = decoding.sample(job.videos, 6 if job.small else 1000, Path(temporary) / "source")
        paths = [str(path) for path in sorted(folder.rglob("*")) if path.is_file()]
        frames = decoding.plain(paths, size)  # warms the page cache
        bare, ours = [], []
        for _ in range(1 if job.small else 3):
            bare.append(decoding.plainly(paths, size, workers, Path(temporary)))
            ours.append(decoding.prepared(folder, Path(temporary) / "store", size, workers))
        shutil.rmtree(folder)
    rows = []
    for number, unit in enumerate(("of the clock", "of processors")):
        plain, made = ([cost[number] for cost in side] for side in (bare, ours))
        ratios = ratio(plain, made)
        rows.append(
            {"seconds": unit, "plain PyAV, frames/s": frames / Spread.of(plain).median}
            | {"prepare, frames/s": frames / Spread.of(made).median}
            | {"ratio": ratios.median, "ratio, least": ratios.least, "ratio, most": ratios.most}
        )
    title = f"{len(paths)} videos, {frames} frames, to {size} pixels, {workers} processes"
    return Result({title: rows}, ["Nothing of this runs on the GPU."])
