"""Sections of gpu.py that are whole runs: their memory, whether they repeat, and the papers' recipe."""

import hashlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch

import gpu_children
from gpu_job import Job, Result, Row
from vidcondense.base.interrupt import Interrupted
from vidcondense.evaluation.protocols import Strict
from vidcondense.evaluation.results import Evaluation
from vidcondense.evaluation.shared import evaluate
from vidcondense.recipes import load as recipes
from vidcondense.run.checkpoint import Checkpoint
from vidcondense.run.folder import RunFolder
from vidcondense.run.loop import condense

MEBIBYTE = 2**20
RESERVE = 30
"""Seconds that are kept back of the time that is left: a run takes some to stop, and to start."""


def few_clips(job: Job) -> dict[str, Any]:
    """Overrides that make a recipe's batches small in the small form."""
    return {"objective.batch_real": 2} if job.small else {}


def memory(job: Job) -> Result:
    """Peak memory of a run beside what `condense --dry-run` says of it, in a process of its own."""
    result, rows = Result(), []
    device, precision = str(job.compute.device), job.compute.precision
    for vpc in (1,) if job.small else (1, 5):
        overrides = {"iterations": 4, "insertion.warm_up": 0.0, **few_clips(job)}
        words = {"store": str(job.store.path), "recipe": "prism", "vpc": vpc, "overrides": overrides}
        words |= {"device": device, "precision": precision, "out": str(job.folder / f"memory-{vpc}")}
        with gpu_children.started([gpu_children.Child("memory", **words)]) as children:
            (found,) = gpu_children.together(children)
        estimate, peak = found["estimate"] / MEBIBYTE, found["peak"] / MEBIBYTE
        row: Row = {"recipe": "prism", "VPC": vpc, "estimated, MiB": estimate, "peak, MiB": peak}
        row["peak over estimate"] = peak / estimate
        if job.on_gpu:
            row["reserved by PyTorch, MiB"] = found["reserved"] / MEBIBYTE
        rows.append(row)
    result.tables[f"{job.store.name}, {job.store.frames}x{job.store.size}x{job.store.size}"] = rows
    if not job.on_gpu:
        result.notes.append(
            "On a processor the peak is that of the whole process, Python included, and never goes down."
        )
    return result


def repeat(job: Job) -> Result:
    """Condense twice and evaluate twice: the same bytes, the same scores?"""
    result, rows = Result(), []
    overrides = {"iterations": 2 if job.small else 20, **few_clips(job)}
    recipe = recipes.load("prism_small", vpc=1, overrides=overrides)
    kept = torch.backends.cudnn.deterministic
    try:
        for deterministic in (False, True) if job.on_gpu else (False,):
            torch.backends.cudnn.deterministic = deterministic
            sets, digests = [], []
            for name in ("first", "second"):
                out = job.folder / f"repeat-{name}"
                sets.append(condense(job.store, recipe, out, **chosen(job), show=False, force=out.exists()))
                digests.append(hashlib.sha256(RunFolder(out).condensed.read_bytes()).hexdigest())
            first, second = (
                scored(job, sets[0], Strict(epochs=2, steps=2 if job.small else 60)) for _ in "12"
            )
            rows.append(
                {"cudnn.deterministic": str(deterministic), "iterations": recipe.iterations}
                | {"first file": digests[0][:16]}
                | {"second file": digests[1][:16], "files": same(digests[0] == digests[1])}
                | {"losses": same([r.loss for r in first.results] == [r.loss for r in second.results])}
                | {"confusions": same(torch.equal(first.confusion, second.confusion))}
            )
    finally:
        torch.backends.cudnn.deterministic = kept
    result.tables["prism_small, and an evaluation of one network"] = rows
    usual = rows[0]
    result.failing = [f"two runs differ in their {part}" for part in usual if usual[part] == "DIFFER"]
    return result


def same(equal: bool) -> str:
    """In words."""
    return "the same" if equal else "DIFFER"


def chosen(job: Job) -> dict[str, Any]:
    """Device and precision as keyword arguments."""
    return {"device": str(job.compute.device), "precision": job.compute.precision}


def scored(job: Job, made: Any, protocol: Strict) -> Evaluation:
    """An evaluation of one network, nothing of it kept."""
    return evaluate(made, job.store, protocol=protocol, networks_count=1, show=False, **chosen(job))


def long_run(job: Job) -> Result:
    """The papers' recipe as far as time goes, and what the set is worth once it is whole."""
    store, run = job.store, RunFolder(job.folder / "long")
    overrides = {"iterations": 4, **few_clips(job)} if job.small else {}
    recipe = recipes.load("prism", vpc=1, overrides=overrides)
    scores = job.folder / "long-evaluation.json"
    protocol = Strict(epochs=1, steps=40) if job.small else Strict()
    networks_count, show = 1 if job.small else 5, not job.small

    def all_of_it() -> Evaluation:
        made = condense(store, recipe, run.path, **chosen(job), show=show)
        words = {"protocol": protocol, "networks_count": networks_count, "show": show}
        found = evaluate(made, store, out=scores, **words, **chosen(job))
        assert found is not None
        return found

    evaluation = until(job.left() - RESERVE, all_of_it)
    done, seconds = progress_of(run, recipe.iterations)
    row: Row = {"store": store.name, "recipe": "prism", "VPC": 1, "iterations done": done}
    row |= {"of": recipe.iterations, "seconds": seconds, "seconds each": seconds / max(1, done)}
    row["seconds left"] = row["seconds each"] * (recipe.iterations - done)
    result = Result()
    if evaluation is None:
        left = f"{recipe.iterations - done} of {recipe.iterations} iterations"
        result.unfinished = left if done < recipe.iterations else "the evaluation"
    else:
        mean, deviation = evaluation.top1
        row["top-1, %"] = 100 * mean
        if networks_count > 1:
            row["deviation over networks"] = 100 * deviation
        row |= {"networks": len(evaluation.results), "test videos": evaluation.test_videos}
    result.tables[f"{store.frames}x{store.size}x{store.size}"] = [row]
    return result


def progress_of(run: RunFolder, iterations: int) -> tuple[int, float]:
    """Iterations that a run has done, and their seconds."""
    if run.finished:
        return iterations, float(run.read().get("seconds", 0.0))
    if not run.checkpoint.is_file():
        return 0, 0.0
    checkpoint = Checkpoint.load(run.checkpoint)
    return checkpoint.iteration, checkpoint.seconds


def until(seconds: float, do: Callable[[], Evaluation]) -> Evaluation | None:
    """What `do` returns; None if it had to be stopped, as Ctrl-C stops it, after so many seconds."""
    with alarm(seconds) as rung:
        try:
            return do()
        except (Interrupted, KeyboardInterrupt):
            if not rung:  # it was the user
                raise
            return None


@contextmanager
def alarm(seconds: float) -> Iterator[list[float]]:
    """Within the block, SIGINT comes after so many seconds; the list is then no longer empty."""
    rung: list[float] = []

    def ring(number: int, frame: FrameType | None) -> None:
        rung.append(seconds)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(0.01, seconds))
    try:
        yield rung
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
