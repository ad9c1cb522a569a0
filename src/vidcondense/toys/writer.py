"""Rendering one generated clip, encoding it, and writing a whole folder of them with several processes."""

import io
import sys
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing import active_children, get_context
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.processes import usable_cores
from vidcondense.toys import actions, motion
from vidcondense.toys.shapes import Grid

FRAME_RATE = 25
QUANTISER = 14  # of 51: mean error of about one grey level
TASKS_PER_MESSAGE = 8
FEWEST_FOR_PROCESSES = 16  # fewer clips are written sooner than processes start


@dataclass(frozen=True)
class Task:
    """One clip to write."""

    kind: str
    name: str
    split: str
    index: int
    frames: int
    size: int
    seed: int
    path: Path


def class_names(kind: str) -> tuple[str, ...]:
    """Every class of a kind, in the order in which `classes` takes the first n."""
    return actions.ACTIONS if kind == "actions" else motion.MOTIONS


def render(task: Task) -> NDArray[np.uint8]:
    """The clip as (T, H, W, 3) uint8, decided by the task's fields other than its path alone."""
    words = (zlib.crc32(text.encode()) for text in (task.kind, task.name, task.split))
    rng = np.random.default_rng(np.random.SeedSequence([task.seed, *words, task.index]))
    grid = Grid.of(task.frames, task.size)
    if task.kind == "actions":
        return actions.render(task.name, rng, grid)
    return motion.render(task.kind, task.name, rng, grid)


def encode(clip: NDArray[np.uint8], *, every_frame_alone: bool) -> bytes:
    """(T, H, W, 3) uint8 as an mp4 file with H.264 video at a constant quantiser.

    `every_frame_alone` forbids prediction between frames: no frame's coding noise then tells how things move.
    """
    frames, height, width, _ = clip.shape
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(FRAME_RATE))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1  # the bytes must not depend on the machine
        group = 1 if every_frame_alone else frames
        stream.options = {"preset": "ultrafast", "qp": str(QUANTISER), "g": str(group)}
        for image in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return memory.getvalue()


def write(task: Task) -> None:
    """Render, encode and write one clip."""
    try:
        data = encode(render(task), every_frame_alone=task.kind != "actions")
    except MemoryError as error:
        raise VidcondenseError(
            f"too little memory to draw {task.frames} frames of width {task.size}; give fewer or smaller ones"
        ) from error
    try:
        task.path.write_bytes(data)
    except OSError as error:
        raise VidcondenseError(f"cannot write {task.path}: {error.strerror or error}") from error


def write_all(tasks: list[Task], workers: int) -> Iterator[None]:
    """Write every clip with `workers` processes (0: one per usable core), yielding once per clip written."""
    workers = workers or usable_cores()
    if workers == 1 or len(tasks) < FEWEST_FOR_PROCESSES:
        for task in tasks:
            write(task)
            yield
        return
    # Forked workers need no import (torch takes seconds) and call nothing that has threads of its own.
    before = set(active_children())
    method = "fork" if sys.platform == "linux" else "spawn"
    with warnings.catch_warnings(), ProcessPoolExecutor(workers, mp_context=get_context(method)) as pool:
        warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
        try:
            for _ in pool.map(write, tasks, chunksize=TASKS_PER_MESSAGE):
                yield
        except BaseException:
            for process in set(active_children()) - before:
                process.kill()  # Ctrl-C need not wait for the clips at hand: they will be written anew
            pool.shutdown(cancel_futures=True)
            raise
