"""What a benchmark will cost, from what finished cells took and from a step measured here and now."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from vidcondense import networks
from vidcondense.base.compute import Compute, choose, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import duration, mebibytes
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.tasks import Task
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import PROTOCOLS, Protocol
from vidcondense.insertion.schedule import NoInsertion
from vidcondense.networks.loss import Labels
from vidcondense.networks.measure import measure
from vidcondense.networks.passes import backward, scored
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.budget import Samples
from vidcondense.run.state import State
from vidcondense.run.teaching import lessons

MEASURING_SECONDS = 60.0
"""After this long nothing more is measured: what is left is counted as not timed."""

Rates = tuple[float, float]
"""Seconds to start condensing and per iteration; or per clip of training and of testing."""


class Cost:
    """Seconds of work that tasks need, from one iteration timed per kind of recipe and one batch per network.

    Args:
        options: device, precision, protocol and number of jobs.

    Attributes:
        condensing: seconds that are left.
        evaluating: the same.
        spent: seconds that finished steps took.
        disk: bytes of new condensed sets at most.
        steps: that are left.
        not_timed: of these, those that could not be timed.
        problems: tasks by what keeps them from being timed.
    """

    def __init__(self, options: Options) -> None:
        self.condensing = self.evaluating = self.spent = 0.0
        self.disk = self.steps = self.not_timed = 0
        self.problems: dict[str, list[str]] = {}
        self._options = options
        self._compute = choose(options.device, options.precision)
        self._deadline = time.monotonic() + MEASURING_SECONDS
        self._rates: dict[object, Rates | str] = {}
        self._samples: Samples | None = None
        self._fitted: dict[Cell, Recipe] = {}

    def add(self, tasks: Sequence[Task], store_path: Path) -> None:
        """Count what tasks took or need."""
        threads = torch.get_num_threads()
        if self._options.jobs > 1:  # as the commands themselves will run
            torch.set_num_threads(1)
        try:
            for task in tasks:
                store = ClipStore.open(store_path, task.split)
                self._add_condensing(task, store)
                self._add_evaluating(task, store)
        finally:
            torch.set_num_threads(threads)

    def _add_condensing(self, task: Task, store: ClipStore) -> None:
        if not task.cell.recipe:
            return
        if task.condensed:
            self.spent += float(task.run.read()["seconds"])
            return
        recipe = self._recipe(task, store)
        clip = store.frames * 3 * store.size**2 * 4
        self.disk += recipe.budget if task.cell.fitted else recipe.videos(store) * clip
        kind = replace(
            recipe,
            seed=0,
            name="",
            description="",
            iterations=min(1, recipe.iterations),
            insertion=NoInsertion.Settings(),
        )
        start, iteration = self._timed(task, kind, lambda: _time_iteration(recipe, store, self._compute))
        self.condensing += start + iteration * recipe.all_iterations

    def _add_evaluating(self, task: Task, store: ClipStore) -> None:
        classes = len(store.class_names)
        for judge in task.judges:
            done = task.evaluation(judge)
            if done is not None:
                self.spent += float(done["seconds"])
                continue
            whole = not task.cell.recipe
            clips = len(store.select("train")) if whole else self._recipe(task, store).videos(store)
            training, testing = clips_of(
                self._options.protocol, clips, len(store.select("test")), judge.steps
            )
            for one in networks.turns(judge.network):
                time_clip = partial(_time_clip, one, store, self._compute)
                trained, tested = self._timed(task, (one, classes), time_clip)
                self.evaluating += (trained * training + tested * testing) * self._options.networks

    def _recipe(self, task: Task, store: ClipStore) -> Recipe:
        """The task's, with as many videos as its budget holds of the first store that is asked of."""
        recipe = task.recipe()
        if not task.cell.fitted:
            return recipe
        if task.cell not in self._fitted:
            options = self._options
            self._samples = self._samples or Samples(
                store, device=options.device, precision=options.precision
            )
            self._fitted[task.cell] = task.cell.fit(self._samples, recipe.replace(seed=0))
        return self._fitted[task.cell].replace(seed=recipe.seed)

    def _timed(self, task: Task, kind: object, rates_of: Callable[[], Rates]) -> Rates:
        """Count a step that is left, and time it once per kind; no time where that cannot be done."""
        self.steps += 1
        if kind not in self._rates and time.monotonic() < self._deadline:
            try:
                self._rates[kind] = rates_of()
            except VidcondenseError as error:
                self._rates[kind] = str(error)
        rates = self._rates.get(kind)
        if isinstance(rates, tuple):
            return rates
        self.not_timed += 1
        if rates is not None:
            self.problems.setdefault(rates, []).append(task.title)
        return 0.0, 0.0

    def describe(self, tasks: int) -> list[str]:
        """The cost of so many tasks in a few lines."""
        if not self.steps:
            return [f"{tasks} cells, all finished; they took {duration(self.spent)}"]
        work, jobs = self.condensing + self.evaluating, max(1, self._options.jobs)
        lines = [
            f"{tasks} cells; {self.steps} steps left to run; {duration(self.spent)} spent on finished ones",
            f"about {duration(work)} of work left (condensing {duration(self.condensing)}, evaluation "
            f"{duration(self.evaluating)})"
            + (f", {duration(work / jobs)} with {jobs} jobs" if jobs > 1 else "")
            + (f"; {self.not_timed} steps not timed" if self.not_timed else ""),
            f"at most {mebibytes(self.disk)} on disk for new condensed sets, and while they are learned "
            f"up to four times that of the {jobs} in work",
        ]
        for problem, titles in self.problems.items():
            others = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
            lines.append(f"not timed: {titles[0]}{others}: {problem}")
        return lines


def _time_iteration(recipe: Recipe, store: ClipStore, compute: Compute) -> Rates:
    if not recipe.unread("experts") and not getattr(recipe.objective, "experts", ""):
        raise VidcondenseError(
            "it trains experts of its own first; share them with --set METHOD:objective.experts=FOLDER"
        )
    began = time.perf_counter()
    state = State.start(store, recipe, compute)
    start = time.perf_counter() - began + lessons(store, recipe, compute)
    if not recipe.all_iterations:
        return start, 0.0
    return start, measure(state.iterate, store).seconds


def _time_clip(name: str, store: ClipStore, compute: Compute) -> Rates:
    """Forward and backward, and forward alone, on a few clips of noise."""
    classes = len(store.class_names)
    network = networks.draw(name, store.shape, generator(0, "cost"), compute.device)
    clips = torch.randn(8, store.frames, 3, store.size, store.size, generator=generator(0, "clips"))
    clips = clips.to(compute.device)
    labels = Labels(torch.arange(8, device=compute.device) % classes)
    trained = measure(lambda: backward(network, clips, labels, compute), store).seconds
    with torch.no_grad():
        tested = measure(lambda: scored(network, clips, compute).sum().item(), store).seconds
    return trained / len(clips), tested / len(clips)


def clips_of(protocol: str, training: int, testing: int, steps: int = 0) -> tuple[int, int]:
    """How many clips one network sees in training, and at most in testing, by the protocol's constants.

    Args:
        protocol: by its name.
        training: clips of the set.
        testing: test videos.
        steps: of training, in place of the protocol's; 0: as it says.
    """
    rule: Protocol = PROTOCOLS[protocol]()
    rule = rule.of_length(steps) if steps else rule
    settings = rule.settings()
    windows = settings.get("windows", settings.get("passes", 1)) * (1 + len(rule.orders))
    return rule.length(training) * min(settings["batch"], training), testing * windows
