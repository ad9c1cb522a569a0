"""Condense and evaluate a grid of methods and splits with the `vidcondense` command, and print the table.

    python benchmarks/table.py STORE OUT --splits 1 2 3 --seeds 0 [--networks 3] [--jobs 2] [--per-class] \\
        --cell "random=--recipe random" --cell "PRISM=--recipe prism_small" --cell "DM=--recipe dm_small"

Every cell is a label and arguments of `vidcondense condense`. Finished cells under OUT are used again. With
several jobs every process gets one thread. Per split and seed a cell is one condensed set and several
networks. The table gives the mean over all networks of all sets with their sample standard deviation, the
standard deviation of the sets' means, and the difference from the first cell, paired by split and seed: its
mean and 95 % interval (Student's t over the pairs).
"""

import argparse
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from vidcondense.condensed import CondensedVideos

COMMAND = [sys.executable, "-m", "vidcondense"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--cell", action="append", required=True, metavar="LABEL=ARGUMENTS")
    parser.add_argument("--splits", nargs="+", default=["1"])
    parser.add_argument("--seeds", nargs="+", default=["0"])
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--protocol", default="strict")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--per-class", action="store_true")
    options = parser.parse_args()
    cells = dict(text.split("=", 1) for text in options.cell)
    sets = [(split, seed) for seed in options.seeds for split in options.splits]
    work = [(label, *which) for which in sets for label in cells]
    with ThreadPoolExecutor(options.jobs) as pool:
        for done in pool.map(lambda item: run(options, *item, cells[item[0]]), work):
            print(done, file=sys.stderr, flush=True)
    columns = [
        "method",
        "key frames per video",
        "MiB",
        "top-1 %",
        "std of sets",
        f"against {next(iter(cells))}",
    ]
    print(f"| {' | '.join([*columns, 'diverged', 'seconds'])} |")
    print("|---" * (len(columns) + 2) + "|")
    baseline = set_means([folder(options, next(iter(cells)), *which) for which in sets], options)
    for label in cells:
        print(row(options, label, [folder(options, label, *which) for which in sets], baseline))
    if options.per_class:
        print_per_class(
            options, {label: [folder(options, label, *which) for which in sets] for label in cells}
        )


def folder(options: argparse.Namespace, label: str, split: str, seed: str) -> Path:
    """Where a cell's run is."""
    return options.out / f"{label.replace(' ', '-')}-split{split}-seed{seed}"


def run(options: argparse.Namespace, label: str, split: str, seed: str, arguments: str) -> str:
    """Condense and evaluate one cell, as far as that is not done."""
    out = folder(options, label, split, seed)
    environment = dict(os.environ)
    if options.jobs > 1:
        environment["OMP_NUM_THREADS"] = "1"
    steps = []
    if not (out / "condensed.safetensors").exists():
        condense = ["condense", str(options.store), "--split", split, "--seed", seed, "--out", str(out)]
        condense += shlex.split(arguments)
        steps.append(["condense", "--resume", str(out)] if (out / "run.json").exists() else condense)
    if not evaluation(options, out).exists():
        evaluate = ["evaluate", str(out), str(options.store), "--networks", str(options.networks)]
        steps.append([*evaluate, "--protocol", options.protocol])
    for step in steps:
        subprocess.run([*COMMAND, *step], check=True, env=environment, stdout=subprocess.DEVNULL)
    return f"{out}: {read(evaluation(options, out))['top1']}"


def evaluation(options: argparse.Namespace, out: Path) -> Path:
    """The evaluation that `vidcondense evaluate` writes into a run folder."""
    return out / "evaluations" / f"{options.protocol}-minic3d.json"


def read(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text())


def set_means(outs: list[Path], options: argparse.Namespace) -> list[float]:
    """Mean top-1 % of each condensed set; NaN where every network diverged."""
    means = [read(evaluation(options, out))["top1"]["mean"] for out in outs]
    return [math.nan if mean is None else 100 * mean for mean in means]


def paired(values: list[float], baseline: list[float]) -> str:
    """Mean difference and half-width of its 95 % interval."""
    differences = [a - b for a, b in zip(values, baseline, strict=True)]
    count = len(differences)
    if count < 2 or not any(differences):
        return "-"
    # Quantiles of Student's t at 97.5 % for 1 to 9 degrees of freedom; 2.0 is near enough beyond.
    quantiles = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
    quantile = quantiles[count - 2] if count - 2 < len(quantiles) else 2.0
    half = quantile * statistics.stdev(differences) / math.sqrt(count)
    return f"{statistics.mean(differences):+.1f} ± {half:.1f}"


def row(options: argparse.Namespace, label: str, outs: list[Path], baseline: list[float]) -> str:
    """One line of the table."""
    results = [read(evaluation(options, out)) for out in outs]
    values = [100 * value for result in results for value in result["top1"]["values"] if value is not None]
    means = set_means(outs, options)
    sets = [CondensedVideos.load(out / "condensed.safetensors") for out in outs]
    diverged, networks = (sum(result[key] for result in results) for key in ("diverged", "networks"))
    cells = [
        label,
        "-"
        if sets[0].clips_per_video > 1
        else f"{statistics.mean(sum(made.key_counts) / len(made) for made in sets):.2f}",
        f"{statistics.mean(made.stored_mib for made in sets):.2f}",
        f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}",
        f"{statistics.stdev(means):.1f}" if len(means) > 1 else "-",
        paired(means, baseline),
        f"{diverged} of {networks}",
        f"{statistics.mean(read(out / 'run.json')['seconds'] for out in outs):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def print_per_class(options: argparse.Namespace, folders: dict[str, list[Path]]) -> None:
    """Accuracy and key frames per video of every class."""
    print(f"\n| class | {' | '.join(f'{label}: top-1 % (key frames)' for label in folders)} |")
    print("|---" * (len(folders) + 1) + "|")
    lines: dict[str, list[str]] = {}
    for outs in folders.values():
        results = [read(evaluation(options, out)) for out in outs]
        sets = [CondensedVideos.load(out / "condensed.safetensors") for out in outs]
        for index, name in enumerate(sets[0].class_names):
            accuracy = 100 * statistics.mean(result["per_class"][name] for result in results)
            keys = statistics.mean(
                statistics.mean(
                    count
                    for count, label in zip(made.key_counts, made.labels.tolist(), strict=True)
                    if label == index
                )
                for made in sets
            )
            lines.setdefault(name, []).append(f"{accuracy:.0f} ({keys:.1f})")
    for name, entries in lines.items():
        print(f"| {name} | {' | '.join(entries)} |")


if __name__ == "__main__":
    main()
