"""What units of work cost beside their work, here and on Ray; and 100,000 of them, simulated.

    python measurements/scale.py sleep            # seconds of 1, 2 and 4 workers; takes no processor
    python measurements/scale.py compute          # the same with units that compute: on an idle machine only
    python measurements/scale.py driver           # what handing out a unit takes the command itself
    python measurements/scale.py simulate --units 100000 --workers 1000 --seconds 60 --start 2

Nodes of Ray are processes of this machine, of one core each, on the loopback address.
"""

import argparse
import heapq
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # Ray stays on the loopback address
os.environ["OMP_NUM_THREADS"] = "1"

from vidcondense.work.engines import engine  # noqa: E402
from vidcondense.work.queue import do  # noqa: E402
from vidcondense.work.unit import Ended, Job, Needs, Unit  # noqa: E402


def unit(folder: Path, number: int, kind: str, seconds: float) -> Unit:
    """A unit that sleeps or computes so long and leaves a file."""
    file = folder / f"{number}.done"
    words = ("scale", "unit", kind, str(seconds), str(file))
    return Unit(f"unit-{number}", lambda: int(not file.is_file()), partial(tuple, words), Needs(cores=1))


def work(kind: str, seconds: float, file: Path) -> None:
    """What a unit does; computing is counted in seconds of the processor."""
    if kind == "sleep":
        time.sleep(seconds)
    else:
        until = time.process_time() + seconds
        while time.process_time() < until:
            sum(range(10_000))
    file.touch()


@contextmanager
def cluster(nodes: int) -> Iterator[None]:
    """A Ray cluster of so many nodes."""
    from ray.cluster_utils import Cluster

    quiet: dict[str, Any] = {"node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **quiet})
    try:
        for _ in range(nodes - 1):
            made.add_node(num_cpus=1, **quiet)
        os.environ["RAY_ADDRESS"] = made.address
        yield
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        made.shutdown()


def measure(kind: str, units: int, seconds: float, on: str, workers: int) -> tuple[float, float]:
    """Seconds to connect, and of all units after one for each worker has warmed it up."""
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.perf_counter()
        with engine(on, folder, [Needs(cores=1)], jobs=workers, show=False) as chosen:
            connected = time.perf_counter()
            do([unit(folder, -1 - n, "sleep", 0) for n in range(workers)], chosen, folder, show=False)
            first = time.perf_counter()
            do([unit(folder, n, kind, seconds) for n in range(units)], chosen, folder, show=False)
            return connected - began, time.perf_counter() - first


def table(kind: str, units: int, seconds: float, workers: list[int]) -> None:
    """Print seconds and efficiency by engine and workers."""
    print("| engine | workers | seconds | at units | per unit beside its work, s | connecting, s |")
    print("|---|---|---|---|---|---|")
    for on in ("here", "ray"):
        for count in workers:
            if on == "ray":
                with cluster(count):
                    connecting, total = measure(kind, units, seconds, on, count)
            else:
                connecting, total = measure(kind, units, seconds, on, count)
            share, beside = units * seconds / (count * total), count * total / units - seconds
            print(
                f"| {on} | {count} | {total:.1f} | {share:.0%} | {beside:.2f} | {connecting:.1f} |",
                flush=True,
            )


class Instant:
    """An engine whose units are done when they begin, so that only the command's own work is left."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, Job]] = []

    def has_room(self, needs: Needs) -> bool:
        """See `Engine`."""
        return len(self.begun) < 1000

    def start(self, name: str, job: Job, needs: Needs) -> None:
        """See `Engine`."""
        Path(job.words[-1]).touch()
        self.begun.append((name, job))

    def ended(self) -> list[Ended]:
        """See `Engine`."""
        done, self.begun = self.begun, []
        return [Ended(name, 0) for name, _ in done]

    def shown(self) -> dict[str, float]:
        """See `Engine`."""
        return {}

    def stop(self) -> None:
        """See `Engine`."""


def driver(units: int) -> None:
    """Print what handing out and noting a unit takes the command itself."""
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.process_time()
        do([unit(folder, n, "sleep", 0) for n in range(units)], Instant(), folder, show=False)
        print(f"{(time.process_time() - began) / units * 1e3:.2f} ms of the processor per unit, of {units:,}")


def simulate(units: int, workers: int, seconds: float, spread: float, start: float, hand_out: float) -> None:
    """Print where the time of all workers goes.

    Args:
        units: how many.
        workers: how many.
        seconds: of a unit, on average.
        spread: standard deviation of its logarithm; 0: all are alike.
        start: seconds that a unit takes to start, on its worker.
        hand_out: seconds that the command takes for a unit, one after another.
    """
    rng = random.Random(0)
    lengths = [seconds * rng.lognormvariate(-(spread**2) / 2, spread) for _ in range(units)]
    free, handed, busy, waited = [(0.0, n) for n in range(workers)], 0.0, 0.0, 0.0
    end = 0.0
    for length in lengths:
        ready, worker = heapq.heappop(free)
        handed += hand_out
        began = handed = max(ready, handed)
        waited += began - ready
        busy += length
        end = max(end, began + start + length)
        heapq.heappush(free, (began + start + length, worker))
    idle = sum(end - ready for ready, _ in free)
    whole = workers * end
    print(f"{units:,} units of {seconds:g} s on {workers:,} workers: {end / 3600:.2f} hours")
    for name, value in (
        ("units", busy),
        ("starting", units * start),
        ("waiting", waited),
        ("idle at the end", idle),
    ):
        print(f"  {name:16} {value / whole:6.1%}")


def main() -> None:
    """Parse and measure."""
    if sys.argv[1:2] == ["unit"]:
        work(sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("sleep", "compute", "driver", "simulate"))
    parser.add_argument("--units", type=int, default=24)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--spread", type=float, default=0.5)
    parser.add_argument("--start", type=float, default=1.0)
    parser.add_argument("--hand-out", type=float, default=0.001)
    given = parser.parse_args()
    if given.what == "driver":
        driver(given.units)
    elif given.what == "simulate":
        for workers in given.workers:
            simulate(given.units, workers, given.seconds, given.spread, given.start, given.hand_out)
    else:
        table(given.what, given.units, given.seconds, given.workers)


if __name__ == "__main__":
    main()
