"""Shards built in parallel, each by one worker at a time."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue

from vidcondense.data.isolation import Died, Worker
from vidcondense.data.shards import ShardTask, VideoRecord, begin_shard, commit_shard, sweep

Built = tuple[ShardTask, list[VideoRecord]]


def build_shards(tasks: list[ShardTask], workers: list[Worker]) -> Generator[Built, None, None]:
    """Build shards with several workers, and yield each as it is finished, in any order.

    Close the generator to stop early: shards at hand are given up, and the workers end; finished ones stay.

    Raises:
        VidcondenseError: the store cannot be written, or no worker can be started.
    """
    if not tasks:
        return
    idle: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def build(task: ShardTask) -> Built:
        worker = idle.get()
        try:
            records = decode_shard(task, worker)
        finally:
            idle.put(worker)
        commit_shard(task, records)
        return task, records

    # Twice as many threads as processes: these decode on while finished shards are flushed to disk.
    pool = ThreadPoolExecutor(2 * len(workers))
    try:
        for future in as_completed([pool.submit(build, task) for task in tasks]):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.stop()
        pool.shutdown()
        sweep(tasks[0].store)


def decode_shard(task: ShardTask, worker: Worker) -> list[VideoRecord]:
    """Have a worker decode the videos of a shard into its temporary file.

    Returns:
        one record per video, in order; broken videos are skipped, and so are those that break the decoder:
        their record says why.

    Raises:
        VidcondenseError: as `build_shards`.
    """
    records: list[VideoRecord] = []
    paths = [task.root / path for path in task.paths]
    answers = worker.each("decode", paths, lambda: begin_shard(task, records))
    for path, answer in zip(task.paths, answers, strict=True):
        if isinstance(answer, Died):
            records.append(VideoRecord(path, skipped=str(answer)))
        else:
            records.append(VideoRecord(path, **answer))
    return records
