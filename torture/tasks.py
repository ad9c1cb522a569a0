"""Every command that writes, on tiny data: how it is started, how it goes on, and what it leaves."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import quick

NETWORK = f"{Path(__file__).with_name('tiny.py')}:Tiny"
DEVICE = ("--device", "cpu", "--precision", "float32")
LEARNING = (
    *("--set", f"network={NETWORK}", "--set", "insertion.threshold=1.0", "--set", "iterations=8"),
    *("--set", "objective.batch_real=3", *DEVICE),
)
TIMES = ("seconds", "began")
"""What may differ between two runs: how long they took."""

Words = tuple[object, ...]


@dataclass(frozen=True)
class Task:
    """A command and what it writes.

    Attributes:
        out: the folder, or the folder of the file, that it writes.
        words: the command from nothing.
        resume: the command that goes on with a run that is there; None for the same.
    """

    out: Path
    words: Words
    resume: Words | None = None

    def next(self) -> Words:
        """The command for what is there."""
        return self.words if self.resume is None or not (self.out / "run.json").exists() else self.resume

    def content(self) -> dict[str, object]:
        """All files by path, without times."""
        return content(self.out)


def prepare(inputs: "Inputs", out: Path, workers: int = 1) -> Task:
    """Decoding, in this process or in others."""
    words = ("prepare", inputs.clips, out, "--frames", 4, "--size", 32, "--workers", workers)
    return Task(out, (*words, "--videos-per-shard", 2))


def prepare_with_workers(inputs: "Inputs", out: Path) -> Task:
    """Decoding in two processes."""
    return prepare(inputs, out, 2)


def condense(inputs: "Inputs", out: Path, recipe: str = "prism_small") -> Task:
    """Distribution matching with insertions."""
    overrides = {"network": NETWORK, "insertion.threshold": 1.0, "iterations": 8}
    words = ("condense", inputs.store, "--out", out, *quick.words(recipe, overrides), *DEVICE)
    return Task(out, words)


def condense_on_experts(inputs: "Inputs", out: Path) -> Task:
    """Trajectory matching, with experts that the run trains itself."""
    return condense(inputs, out, "prism_trajectory")


def condense_in_bfloat16(inputs: "Inputs", out: Path) -> Task:
    """The precision that is usual on processors which have it; it goes on by `--resume`."""
    words = tuple("bfloat16" if word == "float32" else word for word in condense(inputs, out).words)
    return Task(out, words, ("condense", "--resume", out, "--device", "cpu"))


def condense_in_shards(inputs: "Inputs", out: Path) -> Task:
    """Two shards, one after the other, and their merging."""
    task = condense(inputs, out)
    return Task(out, (*task.words, "--shards", 2))


def experts(inputs: "Inputs", out: Path) -> Task:
    """Expert training."""
    few = ("--experts", 3, "--epochs", 4, "--batch", 4, "--network", NETWORK, *DEVICE)
    return Task(out, ("experts", inputs.store, "--out", out, *few))


def evaluate(inputs: "Inputs", out: Path) -> Task:
    """Evaluation of a condensed set by three networks."""
    words = ("evaluate", inputs.run, inputs.store, "--network", NETWORK, *DEVICE)
    return Task(out, (*words, "--out", out / "result.json"))


def export(inputs: "Inputs", out: Path) -> Task:
    """Clips as mp4."""
    return Task(out, ("export", inputs.run, out))


def export_frames(inputs: "Inputs", out: Path) -> Task:
    """Clips as pictures."""
    return Task(out, ("export", inputs.run, out, "--format", "frames"))


def merge(inputs: "Inputs", out: Path) -> Task:
    """A set of a run and itself; what is there already is replaced."""
    return Task(out, ("merge", inputs.run, inputs.run, "--out", out / "merged.safetensors", "--force"))


def report(inputs: "Inputs", out: Path) -> Task:
    """The page."""
    return Task(out, ("report", inputs.run, "--out", out / "report.html"))


def generate(inputs: "Inputs", out: Path) -> Task:
    """Generated videos."""
    few = ("--train-per-class", 2, "--test-per-class", 1, "--classes", 2, "--frames", 8, "--size", 32)
    return Task(out, ("generate", "actions", out, *few, "--workers", 1))


def benchmark(inputs: "Inputs", out: Path) -> Task:
    """Two cells: random selection and a condensed set, evaluated."""
    chosen = ("--methods", "random", "prism", "--recipes", "small", "--network", NETWORK, "--networks", 2)
    words = ("benchmark", "accuracy", inputs.store, "--out", out, "--vpc", 1, *chosen, *LEARNING)
    return Task(out, words)


TASKS: tuple[Callable[["Inputs", Path], Task], ...] = (
    *(prepare, prepare_with_workers, generate),
    *(condense, condense_on_experts, condense_in_shards, experts),
    *(evaluate, export, export_frames, merge, report),
)
"""All but the benchmark, whose cells are processes that import everything."""


@dataclass(frozen=True)
class Inputs:
    """What commands read: videos, the store of them, and a finished run."""

    clips: Path
    store: Path
    run: Path


def content(folder: Path) -> dict[str, object]:
    """Every file below a folder by its path: its bytes, or its JSON without times.

    The lock of a process that was killed as its last step was to remove it stays, and hinders nobody.
    """
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(folder)): _timeless(path) for path in paths}


def _timeless(path: Path) -> object:
    data = path.read_bytes()
    if path.suffix in {".log", ".lock", ".md"}:  # a benchmark's page shows seconds; its numbers are in JSON
        return b""
    if path.suffix == ".csv":
        rows = list(csv.DictReader(data.decode().splitlines()))
        return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]
    return _without_times(json.loads(data)) if path.suffix == ".json" else data


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(one) for key, one in value.items() if key not in TIMES}
    return [_without_times(one) for one in value] if isinstance(value, list) else value
