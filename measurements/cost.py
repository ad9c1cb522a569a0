"""The cost that `vidcondense condense --dry-run` predicts against whole commands, and the cost of datasets.

    python measurements/cost.py STORES  # folder with the stores jhmdb-8x64, actions-8x32, motion-8x32
    python measurements/cost.py --table [--rate 600]

Each setting is predicted, run and predicted again, one thread each. Seconds are of the processor, so that the
check also works on a machine that others use; the clock's are printed beside them. The table counts the work
of distribution matching by formula, real clips times the embedding's operations plus synthetic clips times
twice those, and divides them by a rate in GFLOP/s, which the dry run prints.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SETTINGS = (
    ("jhmdb-8x64", "prism_small", 1, ("iterations=12",)),
    ("jhmdb-8x64", "dm_small", 5, ("iterations=8",)),
    ("actions-8x32", "prism_small", 10, ("iterations=40",)),
    ("motion-8x32", "dc_small", 1, ("iterations=20",)),
)

# Classes, training videos (of split 1), frames, size.
DATASETS = {
    "JHMDB-21": (21, 660, 8, 64),
    "miniUCF": (50, 4_662, 16, 112),
    "HMDB51": (51, 3_570, 16, 112),
    "UCF101": (101, 9_537, 16, 112),
    "Kinetics-400": (400, 240_000, 8, 64),
}
BATCH_REAL, ITERATIONS = 64, 1_000

PROCESSOR = "import time; time.perf_counter = time.process_time; from vidcondense.cli import main; main()"
"""The command with processor seconds for the clock's."""


@dataclass(frozen=True)
class Run:
    """What a command took."""

    said: str
    processor: float
    clock: float
    memory: int


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stores", type=Path, nargs="?")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--rate", type=float, default=0.0, help="GFLOP/s")
    options = parser.parse_args()
    if options.stores:
        check(options.stores)
    if options.table:
        table(options.rate)


def check(stores: Path) -> None:
    """Predicted against measured, setting by setting."""
    print("| store | recipe | VPC | iterations | seconds | predicted | memory, MiB | predicted | clock |")
    print("|---|---|---|---|---|---|---|---|---|")
    for store, recipe, vpc, overrides in SETTINGS:
        words = [str(stores / store), "--recipe", recipe, "--vpc", str(vpc), "--device", "cpu"]
        words += [word for override in overrides for word in ("--set", override)]
        out = Path(tempfile.mkdtemp())
        before = run("condense", *words, "--dry-run")
        made = run("condense", *words, "--out", str(out / "run"))
        after = run("condense", *words, "--dry-run")
        shutil.rmtree(out)
        predicted = [prediction(one.said) for one in (before, after)]
        seconds, memory = (sum(values) / 2 for values in zip(*predicted, strict=True))
        count = overrides[0].partition("=")[2]
        print(
            f"| {store} | {recipe} | {vpc} | {count} | {made.processor:.1f} | {seconds:.1f} "
            f"({100 * (seconds / made.processor - 1):+.0f} %) | {made.memory} | {memory:.0f} "
            f"({100 * (memory / made.memory - 1):+.0f} %) | {made.clock:.1f} |",
            flush=True,
        )


def prediction(said: str) -> tuple[float, float]:
    """Seconds and MiB of a dry run's text."""
    (memory,) = re.findall(r"peak memory about ([\d.,]+) MiB", said)
    (each,) = re.findall(r"read, ([\d.]+) s \(", said)
    (count,) = re.findall(r"^(\d+) iterations", said, re.MULTILINE)
    (start,) = re.findall(r"with ([\d.]+) s to start", said)
    return float(start) + int(count) * float(each), float(memory.replace(",", ""))


def run(*words: str) -> Run:
    """A command to its end, with one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", PROCESSOR, *words], stdout=output, stderr=output, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        clock = time.monotonic() - began
        output.seek(0)
        said = output.read()
    if process.returncode:
        raise SystemExit(said)
    return Run(said, used.ru_utime + used.ru_stime, clock, used.ru_maxrss // 1024)


def table(rate: float) -> None:
    """Operations, bytes and time by dataset and videos per class."""
    from vidcondense import networks
    from vidcondense.networks.measure import flops_of_embedding

    columns = ["dataset", "clips", "store, GB", "VPC", "TFLOP", "MB read", f"PFLOP, {ITERATIONS} iterations"]
    columns += ["hours"] if rate else []
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for name, (classes, videos, frames, size) in DATASETS.items():
        each = flops_of_embedding(networks.outline("minic3d", classes, frames, size), frames, size)
        clip, real = 3 * frames * size**2, classes * min(BATCH_REAL, videos // classes)
        for vpc in (1, 5, 10):
            flops = each * (real + 2 * classes * vpc)
            whole = flops * ITERATIONS
            row = [name, f"{videos:,} of {frames}x{size}x{size}", f"{videos * clip / 1e9:.1f}", str(vpc)]
            row += [f"{flops / 1e12:.2f}", f"{real * clip / 1e6:.0f}", f"{whole / 1e15:.1f}"]
            row += [f"{whole / rate / 3.6e12:.1f}"] if rate else []
            print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
