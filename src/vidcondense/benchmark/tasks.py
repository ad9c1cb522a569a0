"""Where a cell's runs are, what of them is done, and whether they are what the cell asks for."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vidcondense import networks
from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.members import label
from vidcondense.benchmark.cell import Cell, Judge
from vidcondense.benchmark.options import Options
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import PROTOCOLS, Protocol
from vidcondense.evaluation.results import Record
from vidcondense.recipes.recipe import Recipe
from vidcondense.run import again
from vidcondense.run.budget import CHOSEN
from vidcondense.run.folder import RunFolder, other_classes


@dataclass(frozen=True)
class Task:
    """One cell under one split and seed: a run folder and its evaluations.

    Attributes:
        cell: what is measured.
        options: the user's choices, which say how condensed sets are judged.
        root: the folder of the benchmark.
        split: of the store.
        seed: of condensing.
        also: judges beside those of the cell, of cells that condense alike.
    """

    cell: Cell
    options: Options
    root: Path
    split: str
    seed: int
    also: tuple[Judge, ...] = ()

    @property
    def judges(self) -> tuple[Judge, ...]:
        """All that judge the set."""
        return tuple(dict.fromkeys((*self.cell.judges, *self.also)))

    @property
    def title(self) -> str:
        """What progress calls it, and its folder."""
        return f"{self.cell.name}-split{self.split}-seed{self.seed}"

    @property
    def folder(self) -> Path:
        """Where it condenses to."""
        return self.root / "cells" / self.title

    @property
    def run(self) -> RunFolder:
        """The folder as a run of `vidcondense condense`."""
        return RunFolder(self.folder)

    @property
    def judging_seed(self) -> int:
        """The seed of its evaluations."""
        return self.seed if self.options.evaluation_seed is None else self.options.evaluation_seed

    def recipe(self) -> Recipe:
        """What it condenses with."""
        return self.cell.resolve(self.seed, self.split)

    @property
    def condensed(self) -> bool:
        """Whether the condensed set is finished; there is none to make for training on all real clips."""
        return not self.cell.recipe or self.run.finished

    def evaluation_file(self, judge: Judge) -> Path:
        """Where an evaluation goes."""
        protocol, networks = self.options.protocol, self.options.networks
        length = f"-{judge.steps}-steps" if judge.steps else ""
        name = f"{protocol}-{label(judge.network)}{length}-{networks}-networks-seed-{self.judging_seed}.json"
        return self.run.evaluations / name

    def evaluation(self, judge: Judge) -> Record | None:
        """The finished evaluation by a judge with today's constants of the protocol, whatever its name.

        Raises:
            VidcondenseError: it is damaged; names the file.
        """
        rule: Protocol = PROTOCOLS[self.options.protocol]()
        if judge.steps:
            rule = rule.of_length(judge.steps)
        wanted = {
            "protocol": self.options.protocol,
            "network": judge.network,
            "networks": self.options.networks * len(networks.turns(judge.network)),
            "seed": self.judging_seed,
            "settings": json.loads(json.dumps(rule.settings())),
        }
        for path in sorted(self.run.evaluations.glob("*.json")):
            values = files.read_json(path, dict[str, Any], files.MOST_RECORD_BYTES)
            if {key: values.get(key) for key in wanted} == wanted:
                return files.read_json(path, Record, files.MOST_RECORD_BYTES)
        return None

    def missing(self) -> list[Judge]:
        """The judges that are not done yet."""
        return [judge for judge in self.judges if self.evaluation(judge) is None]

    def foreign(self, store: ClipStore) -> str | None:
        """In what the folder's content differs from what the cell asks for; None if it does not."""
        if self.cell.recipe:
            return self._foreign_run(store) if self.run.description.is_file() else None
        for judge in self.judges:
            known = self.evaluation(judge)
            if known and "trained_on" in known and known["trained_on"]["fingerprint"] != store.fingerprint:
                return "store"
        return None

    def _foreign_run(self, store: ClipStore) -> str | None:
        known = self.run.read()
        if known["store"]["fingerprint"] != store.fingerprint:
            return f"store{other_classes(known, store)}"
        if str(known["store"]["split"]) != self.split:
            return "split"
        try:
            theirs = self.run.recipe(known).replace(description="").fields()
        except VidcondenseError:
            return "recipe"
        ours = self.recipe().replace(description="").fields()
        if self.cell.fitted:
            ours |= {key: theirs[key] for key in CHOSEN if key in theirs and key not in self.cell.fixed}
        different = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
        return f"recipe ({', '.join(different)})" if different else None


def tasks_of(cells: Iterable[Cell], options: Options, root: Path) -> list[Task]:
    """The tasks of all cells, cells that condense alike sharing one; seed by seed and split by split."""
    merged: dict[str, Task] = {}
    for seed in options.seeds:
        for split in options.splits:
            for cell in cells:
                if seed not in cell.seeds(options.seeds):
                    continue
                task = Task(cell, options, root, split, seed)
                known = merged.get(task.title, task)
                merged[task.title] = replace(known, also=(*known.also, *task.judges))
    return list(merged.values())


def seeds_in(root: Path) -> list[int]:
    """The seeds of cells that the folder of a benchmark holds, ascending."""
    names = [folder.name for folder in (root / "cells").glob("*-split*-seed*")]
    found = {name.rpartition("-seed")[2] for name in names}
    return sorted(int(seed) for seed in found if seed.isdecimal())


def clear(tasks: Iterable[Task]) -> None:
    """Remove what the folders of tasks hold, so that all is measured anew.

    Raises:
        VidcondenseError: another process works in one, or it cannot be written.
    """
    for task in tasks:
        if task.folder.is_dir():
            with files.lock_folder(task.folder):
                again.clear(task.run)
                files.unlink_quietly(task.run.description)


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
                "name another --out folder, or measure all anew with --force"
            )
