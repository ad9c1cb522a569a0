"""What a benchmark will cost, from what finished cells took and from a step measured here and now."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from vidcondense import networks
from vidcondense.base.compute import Compute, choose, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import duration, mebibytes
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.tasks import Task
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import PROTOCOLS
from vidcondense.insertion.schedule import NoInsertion
from vidcondense.networks.measure import measure
from vidcondense.networks.passes import backward, scored
from vidcondense.run.state import State

MEASURING_SECONDS = 60.0
"""After this long nothing more is measured: what is left is counted as not timed."""

Rates = tuple[float, float]
"""Seconds to start condensing and per iteration; or per clip of training and of testing."""


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
        self._rates: dict[object, Rates | str] = {}

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
        total.disk += len(store.class_names) * task.cell.vpc * store.frames * 3 * store.size**2 * 4
        recipe = task.recipe()
        kind = replace(
            recipe,
            seed=0,
            name="",
            description="",
            iterations=min(1, recipe.iterations),
            insertion=NoInsertion.Settings(),
        )
        rates = self._timed(total, task, kind, lambda: _time_iteration(task, store, self.compute))
        if rates is not None:
            total.condensing += rates[0] + rates[1] * recipe.all_iterations

    def _add_evaluating(self, total: Cost, task: Task, store: ClipStore) -> None:
        classes = len(store.class_names)
        clips = classes * task.cell.vpc if task.cell.recipe else len(store.select("train"))
        for network in task.cell.networks:
            done = task.evaluation(network)
            if done is not None:
                total.spent += float(done["seconds"])
                continue
            time_clip = lambda name=network: _time_clip(name, store, self.compute)  # noqa: E731
            rates = self._timed(total, task, (network, classes), time_clip)
            if rates is not None:
                training, testing = clips_of(self.options.protocol, clips, len(store.select("test")))
                seconds = rates[0] * training + rates[1] * testing
                total.evaluating += seconds * task.judging.networks

    def _timed(self, total: Cost, task: Task, kind: object, rates_of: Callable[[], Rates]) -> Rates | None:
        """Count a step that is left, and time it once per kind; None where it cannot be or time is over."""
        total.steps += 1
        if kind not in self._rates and time.monotonic() < self.deadline:
            try:
                self._rates[kind] = rates_of()
            except VidcondenseError as error:
                self._rates[kind] = str(error)
        rates = self._rates.get(kind)
        if isinstance(rates, tuple):
            return rates
        total.not_timed += 1
        if rates is not None:
            total.problems.setdefault(rates, []).append(task.title)
        return None


def _time_iteration(task: Task, store: ClipStore, compute: Compute) -> Rates:
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
    return start, measure(state.iterate, store).seconds


def _time_clip(name: str, store: ClipStore, compute: Compute) -> Rates:
    """Forward and backward, and forward alone, on a few clips of noise."""
    classes = len(store.class_names)
    network = networks.draw(name, store.shape, generator(0, "cost"), compute.device)
    clips = torch.randn(8, store.frames, 3, store.size, store.size, generator=generator(0, "clips"))
    clips = clips.to(compute.device)
    labels = torch.arange(8, device=compute.device) % classes
    trained = measure(lambda: backward(network, clips, labels, compute), store).seconds
    with torch.no_grad():
        tested = measure(lambda: scored(network, clips, compute).sum().item(), store).seconds
    return trained / len(clips), tested / len(clips)


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
        return [f"{tasks} cells, all finished; they took {duration(cost.spent)}"]
    work = cost.condensing + cost.evaluating
    lines = [
        f"{tasks} cells; {cost.steps} steps left to run; {duration(cost.spent)} spent on finished ones",
        f"about {duration(work)} of work left (condensing {duration(cost.condensing)}, evaluation "
        f"{duration(cost.evaluating)})"
        + (f", {duration(work / options.jobs)} with {options.jobs} jobs" if options.jobs > 1 else "")
        + (f"; {cost.not_timed} steps not timed" if cost.not_timed else ""),
        f"at most {mebibytes(cost.disk)} on disk for new condensed sets, and while they are learned "
        f"up to four times that of the {options.jobs} in work",
    ]
    for problem, titles in cost.problems.items():
        others = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
        lines.append(f"not timed: {titles[0]}{others}: {problem}")
    return lines
