"""What a benchmark will cost, from what finished cells took and from a step measured here and now."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from vidcondense import networks
from vidcondense.base.compute import Compute, choose, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.tasks import Task
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import PROTOCOLS, backward, scored
from vidcondense.insertion.schedule import NoInsertion
from vidcondense.run.state import State

MEBIBYTE = 2**20
MEASURING_SECONDS = 60.0
"""After this long nothing more is measured: what is left is counted as not timed."""
WARM_SECONDS = 1.0
"""A first step slower than this is taken as it is; a faster one only warms up."""


@dataclass
class Cost:
    """Seconds of work that is left, and what could not be timed."""

    condensing: float = 0.0
    evaluating: float = 0.0
    steps: int = 0
    not_timed: int = 0
    spent: float = 0.0
    disk: int = 0
    problems: dict[str, list[str]] = field(default_factory=dict)
    """Tasks by what keeps them from being timed."""


class Estimator:
    """Times one iteration per kind of recipe and one batch per network, and remembers both.

    Args:
        options: device, precision, protocol and number of jobs.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.compute = choose(options.device, options.precision)
        self.deadline = time.monotonic() + MEASURING_SECONDS
        self._iterations: dict[object, tuple[float, float] | str | None] = {}
        self._clips: dict[tuple[str, int], tuple[float, float] | str | None] = {}

    def cost(self, tasks: Sequence[Task], store_path: Path) -> Cost:
        """What is left of `tasks`."""
        total = Cost()
        threads = torch.get_num_threads()
        if self.options.jobs > 1:  # as the commands themselves will run
            torch.set_num_threads(1)
        try:
            for task in tasks:
                store = ClipStore.open(store_path, task.split)
                self._add_condensing(total, task, store)
                self._add_evaluating(total, task, store)
        finally:
            torch.set_num_threads(threads)
        return total

    def _add_condensing(self, total: Cost, task: Task, store: ClipStore) -> None:
        if not task.cell.recipe:
            return
        if task.condensed:
            total.spent += float(task.run.read()["seconds"])
            return
        total.steps += 1
        frame = 3 * store.size**2 * 4
        total.disk += len(store.class_names) * task.cell.vpc * store.frames * frame
        measured = self._iteration(task, store)
        if isinstance(measured, tuple):
            start, step = measured
            total.condensing += start + step * task.recipe().all_iterations
        else:
            _note(total, task, measured)

    def _add_evaluating(self, total: Cost, task: Task, store: ClipStore) -> None:
        classes = len(store.class_names)
        clips = classes * task.cell.vpc if task.cell.recipe else len(store.select("train"))
        for network in task.cell.networks:
            done = task.evaluation(network)
            if done is not None:
                total.spent += float(done["seconds"])
                continue
            total.steps += 1
            measured = self._clip(network, store, classes)
            if isinstance(measured, tuple):
                training, testing = clips_of(self.options.protocol, clips, len(store.select("test")))
                seconds = measured[0] * training + measured[1] * testing
                total.evaluating += seconds * task.judging.networks
            else:
                _note(total, task, measured)

    def _iteration(self, task: Task, store: ClipStore) -> tuple[float, float] | str | None:
        """Seconds to start and per iteration; or why it cannot start; None: no time to measure."""
        recipe = replace(task.recipe(), seed=0)
        known = replace(
            recipe,
            name="",
            description="",
            iterations=min(1, recipe.iterations),
            insertion=NoInsertion.Settings(),
        )
        if known not in self._iterations and time.monotonic() < self.deadline:
            try:
                self._iterations[known] = _time_iteration(task, store, self.compute)
            except VidcondenseError as error:
                self._iterations[known] = str(error)
        return self._iterations.get(known)

    def _clip(self, network: str, store: ClipStore, classes: int) -> tuple[float, float] | str | None:
        """Seconds per clip of training and of testing; why not; None where there was no time to measure."""
        key = network, classes
        if key not in self._clips and time.monotonic() < self.deadline:
            try:
                self._clips[key] = _time_clip(network, store, self.compute)
            except VidcondenseError as error:
                self._clips[key] = str(error)
        return self._clips.get(key)


def _note(total: Cost, task: Task, problem: str | None) -> None:
    total.not_timed += 1
    if problem is not None:
        total.problems.setdefault(problem, []).append(task.title)


def _time_iteration(task: Task, store: ClipStore, compute: Compute) -> tuple[float, float]:
    recipe = task.recipe()
    if not recipe.unread("experts") and not getattr(recipe.objective, "experts", ""):
        raise VidcondenseError(
            "it trains experts of its own first; share them with --set METHOD:objective.experts=FOLDER"
        )
    began = time.perf_counter()
    state = State.start(store, recipe, compute)
    start = time.perf_counter() - began
    if not recipe.all_iterations:
        return start, 0.0
    step = _timed_step(state)
    return start, _timed_step(state) if step < WARM_SECONDS and recipe.all_iterations > 1 else step


def _timed_step(state: State) -> float:
    began = time.perf_counter()
    state.iterate()
    return time.perf_counter() - began


def _time_clip(name: str, store: ClipStore, compute: Compute) -> tuple[float, float]:
    """Seconds per clip, forward and backward and forward alone, on a few clips of noise."""
    classes = len(store.class_names)
    network = networks.build(name, classes, store.frames, store.size)
    networks.initialise(network, generator(0, "cost"))
    networks.channels_last(network.to(compute.device))
    clips = torch.randn(8, store.frames, 3, store.size, store.size, generator=generator(0, "clips"))
    clips = clips.to(compute.device)
    labels = torch.arange(8, device=compute.device) % classes
    backward(network, clips, labels, compute)
    began = time.perf_counter()
    backward(network, clips, labels, compute)
    trained = time.perf_counter() - began
    with torch.no_grad():
        began = time.perf_counter()
        scored(network, clips, compute).sum().item()
    return trained / len(clips), (time.perf_counter() - began) / len(clips)


def clips_of(protocol: str, training: int, testing: int) -> tuple[int, int]:
    """How many clips one network sees in training, and at most in testing, by the protocol's constants."""
    settings = PROTOCOLS[protocol]().settings()
    batch = min(settings["batch"], training)
    steps = settings["epochs"] * math.ceil(training / batch)
    windows = settings.get("windows", settings.get("passes", 1))
    return max(steps, settings.get("steps", 0)) * batch, testing * windows


def describe(cost: Cost, tasks: int, options: Options) -> list[str]:
    """The cost in a few lines."""
    if not cost.steps:
        return [f"{tasks} cells, all finished; they took {_duration(cost.spent)}"]
    work = cost.condensing + cost.evaluating
    lines = [
        f"{tasks} cells; {cost.steps} steps left to run; {_duration(cost.spent)} spent on finished ones",
        f"about {_duration(work)} of work left (condensing {_duration(cost.condensing)}, evaluation "
        f"{_duration(cost.evaluating)})"
        + (f", {_duration(work / options.jobs)} with {options.jobs} jobs" if options.jobs > 1 else "")
        + (f"; {cost.not_timed} steps not timed" if cost.not_timed else ""),
        f"at most {cost.disk / MEBIBYTE:.0f} MiB on disk for new condensed sets, and while they are learned "
        f"up to four times that of the {options.jobs} in work",
    ]
    for problem, titles in cost.problems.items():
        others = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
        lines.append(f"not timed: {titles[0]}{others}: {problem}")
    return lines


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
