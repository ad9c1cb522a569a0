"""Condense and evaluate a grid of methods and splits with the `vidcondense` command, and print the table.

    python benchmarks/table.py STORE OUT --splits 1 2 3 [--networks 3] [--jobs 2] [--per-class] \\
        --cell "random=--recipe random" --cell "PRISM=--recipe prism_small" --cell "DM=--recipe dm_small"

Every cell is a label and arguments of `vidcondense condense`. Finished cells under OUT are used again. With
several jobs every process gets one thread. Per split a cell is one condensed set and several networks; the
table gives the mean over all networks of all splits, their sample standard deviation, and the standard
deviation of the splits' means.
"""

import argparse
import json
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
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--protocol", default="strict")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--per-class", action="store_true")
    options = parser.parse_args()
    cells = dict(text.split("=", 1) for text in options.cell)
    work = [(label, split) for split in options.splits for label in cells]
    with ThreadPoolExecutor(options.jobs) as pool:
        for done in pool.map(lambda item: run(options, item[0], item[1], cells[item[0]]), work):
            print(done, file=sys.stderr, flush=True)
    print("| method | key frames per video | MiB | top-1 % | std of splits | diverged | seconds |")
    print("|---|---|---|---|---|---|---|")
    for label in cells:
        print(row(options, label))
    if options.per_class:
        print_per_class(options, list(cells))


def folder(options: argparse.Namespace, label: str, split: str) -> Path:
    """Where a cell's run is."""
    return options.out / f"{label.replace(' ', '-')}-split{split}"


def run(options: argparse.Namespace, label: str, split: str, arguments: str) -> str:
    """Condense and evaluate one cell, as far as that is not done."""
    out = folder(options, label, split)
    environment = dict(os.environ)
    if options.jobs > 1:
        environment["OMP_NUM_THREADS"] = "1"
    steps = []
    if not (out / "condensed.safetensors").exists():
        condense = [
            "condense",
            str(options.store),
            "--split",
            split,
            "--out",
            str(out),
            *shlex.split(arguments),
        ]
        steps.append(["condense", "--resume", str(out)] if (out / "run.json").exists() else condense)
    if not evaluation(options, out).exists():
        steps.append(
            [
                "evaluate",
                str(out),
                str(options.store),
                "--networks",
                str(options.networks),
                "--protocol",
                options.protocol,
            ]
        )
    for step in steps:
        subprocess.run([*COMMAND, *step], check=True, env=environment, stdout=subprocess.DEVNULL)
    return f"{out}: {read(evaluation(options, out))['top1']}"


def evaluation(options: argparse.Namespace, out: Path) -> Path:
    """The evaluation that `vidcondense evaluate` writes into a run folder."""
    return out / "evaluations" / f"{options.protocol}-minic3d.json"


def read(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text())


def row(options: argparse.Namespace, label: str) -> str:
    """One line of the table."""
    outs = [folder(options, label, split) for split in options.splits]
    results = [read(evaluation(options, out)) for out in outs]
    runs = [read(out / "run.json") for out in outs]
    values = [100 * value for result in results for value in result["top1"]["values"] if value is not None]
    means = [100 * result["top1"]["mean"] for result in results if result["top1"]["mean"] is not None]
    sets = [CondensedVideos.load(out / "condensed.safetensors") for out in outs]
    keys = statistics.mean(len(made.key_frames) / len(made) for made in sets)
    between = f"{statistics.stdev(means):.1f}" if len(means) > 1 else "-"
    diverged, networks = (sum(result[key] for result in results) for key in ("diverged", "networks"))
    return (
        f"| {label} | {keys:.2f} | {statistics.mean(made.stored_mib for made in sets):.2f} "
        f"| {statistics.mean(values):.1f} ± {statistics.stdev(values):.1f} | {between} "
        f"| {diverged} of {networks} | {statistics.mean(run['seconds'] for run in runs):.0f} |"
    )


def print_per_class(options: argparse.Namespace, labels: list[str]) -> None:
    """Accuracy and key frames per video of every class."""
    print(f"\n| class | {' | '.join(f'{label}: top-1 % (key frames)' for label in labels)} |")
    print(f"|---|{'---|' * len(labels)}")
    columns: dict[str, list[str]] = {}
    for label in labels:
        outs = [folder(options, label, split) for split in options.splits]
        results = [read(evaluation(options, out)) for out in outs]
        sets = [CondensedVideos.load(out / "condensed.safetensors") for out in outs]
        for index, name in enumerate(sets[0].class_names):
            accuracy = 100 * statistics.mean(result["per_class"][name] for result in results)
            keys = statistics.mean(
                statistics.mean(made.counts[made.labels == index].tolist()) for made in sets
            )
            columns.setdefault(name, []).append(f"{accuracy:.0f} ({keys:.1f})")
    for name, entries in columns.items():
        print(f"| {name} | {' | '.join(entries)} |")


if __name__ == "__main__":
    main()
