"""The shards of a store as units of work, and the program that decodes one of them.

    python -m vidcondense.data.shard TASK

Frames go from the decoder to the shard's file, wherever that is decoded; nothing else travels.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TypedDict

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Count
from vidcondense.data.isolation import worker_pool
from vidcondense.data.shards import (
    ShardTask,
    VideoRecord,
    commit_shard,
    finished_records,
    shard_key,
    sweep,
    unfinished_folder,
)
from vidcondense.data.workers import Built, decode_shard
from vidcondense.work.engines import engine
from vidcondense.work.queue import do, refuse_failed
from vidcondense.work.unit import Needs, Unit

MODULE = "vidcondense.data.shard"


class _Task(TypedDict):
    """A `ShardTask` as a file."""

    number: Count
    store: str
    root: str
    paths: tuple[str, ...]
    size: Count
    key: str
    keep: Count
    framing: str


def _task_file(task: ShardTask) -> Path:
    return unfinished_folder(task.store) / "tasks" / f"{task.number:05d}.json"


def build_on(on: str, tasks: Sequence[ShardTask], built: Callable[[Built], None], *, show: bool) -> None:
    """Have the machines of a cluster build shards, each in a process of one core.

    Args:
        on: which cluster, see `engines.engine`.
        tasks: the shards.
        built: told of each that is finished, in any order.
        show: whether to print progress.

    Raises:
        UnitsFailed: shards that failed three times; the others are built.
        VidcondenseError: the store cannot be written, or the cluster cannot be worked with; from `built`.
        Interrupted: Ctrl-C or SIGTERM.
    """
    if not tasks:
        return
    by_name = {f"shard-{task.number:05d}": task for task in tasks}
    store, root = tasks[0].store.resolve(), tasks[0].root.resolve()
    needs = Needs(cores=1)

    def step(task: ShardTask) -> tuple[str, str]:
        file = _task_file(replace(task, store=store))
        files.make_folder(file.parent)
        files.write_json(file, asdict(task) | {"store": str(store), "root": str(root)})
        return MODULE, str(file)

    def left(task: ShardTask) -> int:
        return int(finished_records(task) is None)

    def settled(unit: Unit) -> None:
        task = by_name[unit.name]
        records = finished_records(task)
        if records is not None:
            built((task, records))

    units = [
        Unit(name, partial(left, task), partial(step, task), needs, len(task.paths))
        for name, task in by_name.items()
    ]
    with engine(on, store, [needs], [root], show=show) as chosen:
        failed = do(units, chosen, unfinished_folder(store) / "logs", show=show, settled=settled)
    sweep(store)
    refuse_failed(failed, len(units))


def main(file: Path) -> None:
    """Decode the videos of a shard, and leave its frames and its record in the store."""
    held = files.read_json(file, _Task)
    task = ShardTask(**{**held, "store": Path(held["store"]), "root": Path(held["root"])})  # type: ignore[arg-type]
    how = (task.size, task.keep, task.framing)
    if shard_key(task.root, task.paths, *how) != task.key:
        raise VidcondenseError(
            f"the videos of {file.name} in {task.root}, or the decoder here, are not those that the store "
            "was begun with"
        )
    with worker_pool(1) as (worker,):
        records: list[VideoRecord] = decode_shard(task, worker)
    commit_shard(task, records)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
