"""The networks of an evaluation as units of work, and the program that trains one of them.

python -m vidcondense.evaluation.network FOLDER NUMBER
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.progress import Progress
from vidcondense.condensed import CondensedVideos
from vidcondense.data.index import is_store
from vidcondense.data.store import ClipStore
from vidcondense.evaluation import shown
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.evaluation.parts import Parts
from vidcondense.evaluation.trial import Trial, shown_steps
from vidcondense.work.engines import Where, engine
from vidcondense.work.here import gpus
from vidcondense.work.queue import do, refuse_failed
from vidcondense.work.unit import Needs, Unit

PLAN = "plan.json"
MODULE = "vidcondense.evaluation.network"


class _Plan(TypedDict):
    """What a process must know to train networks of an evaluation."""

    training: str
    store: str
    split: str
    protocol: str
    options: dict[str, Any]
    track: list[str]
    key: str


@dataclass(frozen=True)
class Shared:
    """An evaluation whose networks are trained by several processes, which read all they need from files.

    Attributes:
        training: a condensed file, or a store.
        protocol: by name.
        options: as for the trial.
        on: which engine, see `engines.engine`.
        jobs: networks at a time, on this machine.
        track: names of trackers.
    """

    training: Path
    protocol: str
    options: EvaluationOptions
    on: str
    jobs: int
    track: tuple[str, ...] = ()

    def train(self, numbers: Sequence[int], trial: Trial, parts: Parts, show: bool) -> None:
        """Train what is missing of these networks, counted from 0.

        Raises:
            UnitsFailed: networks that failed three times; the others are trained.
            VidcondenseError: a cluster that cannot be worked with.
            Interrupted: Ctrl-C or SIGTERM.
        """
        compute, store = trial.compute, trial.store
        where = {"device": compute.device.type, "precision": compute.precision, "network": trial.network}
        plan: _Plan = {
            "training": str(self.training.resolve()),
            "store": str(store.path.resolve()),
            "split": store.split,
            "protocol": self.protocol,
            "options": {**asdict(self.options), **where},
            "track": list(self.track),
            "key": parts.key,
        }
        files.write_json(parts.folder / PLAN, plan)
        needs = Needs(gpus=int(compute.device.type == "cuda"))

        def unit(number: int) -> Unit:
            step = partial(tuple, (MODULE, str(parts.folder.resolve()), str(number)))
            return Unit(f"network-{number + 1}", lambda: int(not parts.holds(number)), step, needs)

        chosen: Where = {"jobs": self.jobs, "gpus": gpus(self.options.device), "show": show}
        with engine(self.on, parts.folder, [needs], [self.training, store.path], **chosen) as runner:
            failed = do([unit(number) for number in numbers], runner, parts.folder, show=show)
        refuse_failed(failed, len(numbers))


def main(folder: Path, number: int) -> None:
    """Train one network and leave its result in the folder."""
    plan = files.read_json(folder / PLAN, _Plan)
    path, store = Path(plan["training"]), ClipStore.open(plan["store"], plan["split"])
    training = ClipStore.open(path, plan["split"]) if is_store(path) else CondensedVideos.load(path)
    trial = Trial.of(training, store, EvaluationOptions(**plan["options"]), protocol=plan["protocol"])
    parts = Parts.of(trial, folder)
    if parts.key != plan["key"]:
        raise VidcondenseError(f"{path} or {store.path} is not what it was when the evaluation began")
    if not parts.holds(number):
        with Progress(trial.steps) as progress:
            advance = shown_steps(progress, number, [])
            parts.write(number, shown.run(trial, number, advance, plan["track"], folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
