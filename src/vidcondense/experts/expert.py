"""Experts as units of work, and the program that trains one of them.

    python -m vidcondense.experts.expert FOLDER STORE DEVICE NUMBER

The index of the folder has one writer, the command that was given. An expert that a process trains on its own
has a record of its own beside its weights, until that command takes it into the index.
"""

import sys
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

from vidcondense.base import files
from vidcondense.base.compute import Compute, choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import catch_interrupts
from vidcondense.base.progress import Progress
from vidcondense.data.store import ClipStore
from vidcondense.experts.buffer import Epoch, Experts
from vidcondense.experts.epochs import train_expert
from vidcondense.work.engines import Where, engine
from vidcondense.work.here import gpus
from vidcondense.work.queue import do, refuse_failed
from vidcondense.work.unit import Needs, Unit

MODULE = "vidcondense.experts.expert"


@dataclass
class _Alone(Experts):
    """The folder as the process of one expert has it: it writes the record of that expert alone."""

    number: int = 0

    def save(self) -> None:
        files.write_json(_record(self, self.number), [asdict(epoch) for epoch in self.records[self.number]])


def _record(experts: Experts, number: int) -> Path:
    return experts.file(number, 0).with_name("record.json")


def _known(experts: Experts, number: int) -> list[Epoch]:
    """The epochs of an expert, as whoever knows most of them says."""
    file, known = _record(experts, number), experts.records[number]
    found = files.read_json(file, list[Epoch]) if file.is_file() else []
    return found if len(found) > len(known) else known


def gather(experts: Experts) -> None:
    """Take the records of single experts into the index, and remove them."""
    records = [_record(experts, number) for number in range(len(experts.records))]
    if any(record.is_file() for record in records):
        experts.records = [_known(experts, number) for number in range(len(records))]
        experts.save()
        for record in records:
            files.unlink_quietly(record)


def share(experts: Experts, store: ClipStore, compute: Compute, jobs: int, on: str, show: bool) -> None:
    """Have an engine train all experts, each as a process."""
    needs = Needs(gpus=int(compute.device.type == "cuda"))
    words = (MODULE, str(experts.path.resolve()), str(store.path.resolve()), compute.device.type)

    def left(number: int) -> int:
        return int(len(_known(experts, number)) <= experts.epochs)

    units = [
        Unit(f"expert-{number + 1}", partial(left, number), partial(tuple, (*words, str(number))), needs)
        for number in range(experts.count)
    ]
    where: Where = {"jobs": jobs, "gpus": gpus(compute.device.type), "show": show}
    with engine(on, experts.path, [needs], [store.path], **where) as chosen:
        try:
            failed = do(units, chosen, experts.path / "logs", show=show)
        finally:
            gather(experts)
    refuse_failed(failed, len(units))
    files.remove_folder(experts.path / "logs")


def main(folder: Path, store: Path, device: str, number: int) -> None:
    """Train an expert, counted from 0, from where it is."""
    found = Experts.open(folder)
    experts = _Alone(**{one.name: getattr(found, one.name) for one in fields(found)}, number=number)
    experts.records[number] = _known(found, number)
    plan, real = experts.plan, ClipStore.open(store, experts.plan["store"]["split"])
    if real.fingerprint != plan["store"]["fingerprint"]:
        raise VidcondenseError(f"{store} is not the store that the experts in {folder} are trained on")
    compute = choose(device, plan["precision"])
    done = len(experts.records[number])
    with (
        files.lock_folder(files.make_folder(_record(experts, number).parent)),
        Progress(experts.epochs + 1, done) as progress,
        catch_interrupts() as interrupted,
    ):
        train_expert(experts, number, real, compute, progress, interrupted)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
