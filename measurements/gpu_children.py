"""Work of gpu.py that needs a process of its own: `python measurements/gpu_children.py NAME JSON`."""

import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from clock import Clock
from speed import Shape, Work
from vidcondense.base.compute import choose
from vidcondense.data.store import ClipStore
from vidcondense.recipes import load as recipes
from vidcondense.run.loop import condense, preview

READY = "ready"


class Child:
    """A process that has been told what to do; it says READY, and answers each `go`.

    Args:
        name: of one of the functions below.
        words: its arguments, as JSON can hold them.
    """

    def __init__(self, name: str, **words: Any) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        command = [sys.executable, __file__, name, json.dumps(words)]
        environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
        self._process = subprocess.Popen(
            command,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
        )

    def wait_until_ready(self) -> None:
        """Until it may be told to go."""
        self._line(READY)

    def go(self) -> None:
        """Let it begin."""
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """What it found when it was last told to go."""
        return json.loads(self._line())

    def end(self) -> None:
        """Whether it is done or not."""
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _line(self, wanted: str = "") -> str:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith(wanted or "{"):
                return line
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines()
        raise RuntimeError(f"a process ended without an answer: {said[-1] if said else 'it said nothing'}")


@contextmanager
def started(children: list[Child]) -> Iterator[list[Child]]:
    """Within the block all are ready; after it they are ended."""
    try:
        for child in children:
            child.wait_until_ready()
        yield children
    finally:
        for child in children:
            child.end()


def together(children: list[Child]) -> list[Any]:
    """The answers of processes that begin at the same time."""
    for child in children:
        child.go()
    return [child.answer() for child in children]


def iterations(shape: list[int], device: str, precision: Any, count: int) -> Callable[[], Any]:
    """Seconds of so many PRISM iterations."""
    compute = choose(device, precision)
    work, clock = Work(Shape(*shape), compute), Clock(compute.device)
    work.iteration()
    clock.wait()
    return lambda: {"seconds": count * clock.seconds(work.iteration, count)}


def memory(
    store: str,
    recipe: str,
    vpc: int,
    overrides: dict[str, Any],
    device: str,
    precision: Any,
    out: str,
) -> Callable[[], Any]:
    """Peak bytes: as the product estimates them, and those of a run to its end after it."""
    opened, chosen = ClipStore.open(store), recipes.load(recipe, vpc=vpc, overrides=overrides)

    def both() -> Any:
        with patch("vidcondense.run.loop.PREVIEW_SECONDS", 0.0):
            cost = preview(opened, chosen, device=device, precision=precision)
        assert cost is not None
        compute, reserved, again = choose(device, precision), 0, Path(out).exists()
        on_gpu = compute.device.type == "cuda"
        if on_gpu:
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(compute.device)
        condense(opened, chosen, out, device=device, precision=precision, show=False, force=again)
        if on_gpu:
            reserved = torch.cuda.max_memory_reserved(compute.device)
        return {"estimate": cost.memory, "peak": compute.peak_memory(), "reserved": reserved}

    return both


def main() -> None:
    """Get ready, and work once for every line that comes."""
    name, words = sys.argv[1:]
    do = {"iterations": iterations, "memory": memory}[name](**json.loads(words))
    print(READY, flush=True)
    for _ in sys.stdin:
        print(json.dumps(do()), flush=True)


if __name__ == "__main__":
    main()
