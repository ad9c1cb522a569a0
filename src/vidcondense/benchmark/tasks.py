"""Where a cell's runs are, what of them is done, and whether they are what the cell asks for."""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.members import label
from vidcondense.base.typed import typed
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.options import Options
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import PROTOCOLS
from vidcondense.evaluation.results import Record
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.folder import RunFolder


@dataclass(frozen=True)
class Judging:
    """How condensed sets are evaluated."""

    protocol: str
    networks: int
    seed: int

    def is_of(self, result: dict[str, Any], network: str) -> bool:
        """Whether an evaluation's JSON is the one for `network`, with today's constants of the protocol."""
        settings = json.loads(json.dumps(PROTOCOLS[self.protocol]().settings()))
        wanted = {
            "protocol": self.protocol,
            "network": network,
            "networks": self.networks,
            "seed": self.seed,
            "settings": settings,
        }
        return {key: result.get(key) for key in wanted} == wanted


@dataclass(frozen=True)
class Task:
    """One cell under one split and seed: a run folder and its evaluations."""

    cell: Cell
    split: str
    seed: int
    folder: Path
    judging: Judging

    @property
    def title(self) -> str:
        """What progress calls it."""
        return self.folder.name

    @property
    def run(self) -> RunFolder:
        """The folder as a run of `vidcondense condense`."""
        return RunFolder(self.folder)

    def recipe(self) -> Recipe:
        """What it condenses with."""
        return self.cell.resolve(self.seed, self.split)

    @property
    def condensed(self) -> bool:
        """Whether the condensed set is finished; there is none to make for training on all real clips."""
        return not self.cell.recipe or (
            self.run.description.is_file()
            and self.run.read()["status"] == "finished"
            and self.run.condensed.is_file()
        )

    def evaluation_file(self, network: str) -> Path:
        """Where the evaluation with `network` goes."""
        judging = self.judging
        name = f"{judging.protocol}-{label(network)}-{judging.networks}-networks-seed-{judging.seed}.json"
        return self.run.evaluations / name

    def evaluation(self, network: str) -> Record | None:
        """The finished evaluation with `network`, under whatever name; None if there is none yet."""
        for path in sorted(self.run.evaluations.glob("*.json")):
            result = files.read_json(path, dict[str, Any], files.MOST_RECORD_BYTES)
            if self.judging.is_of(result, network):
                try:
                    return typed(result, Record)
                except VidcondenseError as error:
                    raise VidcondenseError(f"{path} is not an evaluation: {error}") from error
        return None

    def missing(self) -> list[str]:
        """The evaluation networks that are not done yet."""
        return [network for network in self.cell.networks if self.evaluation(network) is None]

    def foreign(self, store: ClipStore) -> str | None:
        """In what the folder's content differs from what the cell asks for; None if it does not."""
        if self.cell.recipe:
            return self._foreign_run(store) if self.run.description.is_file() else None
        for network in self.cell.networks:
            known = self.evaluation(network)
            if known and "trained_on" in known and known["trained_on"]["fingerprint"] != store.fingerprint:
                return "store"
        return None

    def _foreign_run(self, store: ClipStore) -> str | None:
        known = self.run.read()
        if known["store"]["fingerprint"] != store.fingerprint:
            return "store"
        if str(known["store"]["split"]) != self.split:
            return "split"
        try:
            theirs = self.run.recipe(known).replace(description="").fields()
        except VidcondenseError:
            return "recipe"
        ours = self.recipe().replace(description="").fields()
        different = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
        return f"recipe ({', '.join(different)})" if different else None


def tasks_of(cells: Iterable[Cell], options: Options, folder: Path) -> list[Task]:
    """The tasks of all cells, cells that condense alike sharing one; seed by seed and split by split."""
    merged: dict[Path, Task] = {}
    for seed in options.seeds:
        for split in options.splits:
            for cell in cells:
                task = task_of(cell, options, folder, split, seed)
                known = merged.get(task.folder)
                if known is not None:
                    networks = tuple(dict.fromkeys((*known.cell.networks, *cell.networks)))
                    task = dataclasses.replace(known, cell=dataclasses.replace(known.cell, networks=networks))
                merged[task.folder] = task
    return list(merged.values())


def task_of(cell: Cell, options: Options, folder: Path, split: str, seed: int) -> Task:
    """One cell under one split and seed."""
    judged = seed if options.evaluation_seed is None else options.evaluation_seed
    path = folder / "cells" / f"{cell.name}-split{split}-seed{seed}"
    return Task(cell, split, seed, path, Judging(options.protocol, options.networks, judged))


def refuse_foreign(tasks: Iterable[Task], store: ClipStore) -> None:
    """Refuse to go on in a folder whose cells were made from something else.

    Raises:
        VidcondenseError: names the first such cell and in what it differs.
    """
    for task in tasks:
        different = task.foreign(store)
        if different:
            raise VidcondenseError(
                f"{task.folder} holds a run with another {different} than this benchmark asks for; "
                "name another --out folder, or move that run away"
            )
