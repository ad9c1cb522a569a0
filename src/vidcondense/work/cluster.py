"""The engine of a cluster: every step of a unit is a task of Ray, which places it and notices dead machines.

Ray carries a command there and an exit code back; videos, frames and weights are files on the common folder.
A task starts the command as a process, as the engine of this machine does, so that both give the same bytes.
"""

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import SIGNALS
from vidcondense.base.progress import Progress
from vidcondense.work import nodes, process
from vidcondense.work.step import run_step
from vidcondense.work.unit import Ended, Job, Needs

ADDRESS = "RAY_ADDRESS"
PROBE = ".probe-"
WAIT_SECONDS = 0.2
CONNECT_SECONDS = 5.0
CHECK_SECONDS = 120.0
"""How long a node may take to answer before any work; it may have to start a process first."""
LOOK_SECONDS = 5.0
"""How often it is asked which nodes there are."""
SILENT_SECONDS = 20.0
"""How long the head may be silent until it counts as lost; after 60 Ray itself would end our process."""
AHEAD = 2
"""Steps that are handed to Ray for each that can run, so that no node waits for us."""


@contextmanager
def connected(
    on: str, folder: Path, needs: Sequence[Needs], paths: Sequence[Path] = (), *, show: bool = True
) -> Iterator["Cluster"]:
    """A cluster whose nodes have been asked whether they can work.

    Args:
        on: "ray": that of RAY_ADDRESS, or the one that this machine belongs to, or one of this machine alone,
            which ends with the block; or "ray://HOST:PORT", for a command given outside of the cluster.
        folder: an existing one, which all nodes must read and write.
        needs: of the units.
        paths: what the nodes must see beside.
        show: whether to say what was found.

    Raises:
        VidcondenseError: Ray is not installed; no cluster at the address; a node with other versions, or
            that does not see a folder; no node has what a unit needs.
    """
    ray, head, dashboard = _connect(on)
    try:
        wanted = nodes.Wanted(
            nodes.versions(),
            str(folder.resolve()),
            f"{PROBE}{secrets.token_hex(8)}.tmp",
            tuple(str(path.resolve()) for path in paths),
        )
        for left in folder.glob(f"{PROBE}*.tmp"):  # by a command that was killed
            files.unlink_quietly(left)
        files.write_bytes(folder / wanted.token, wanted.token.encode())
        try:
            cluster = Cluster(ray, wanted, head)
            cluster.check(needs)
            if show:
                Progress(0).say(
                    cluster.describe() + (f"; dashboard: http://{dashboard}" if dashboard else "")
                )
            yield cluster
        finally:
            files.unlink_quietly(folder / wanted.token)
    finally:
        ray.shutdown()


def _connect(on: str) -> tuple[Any, str, str]:
    """Ray, connected, the address of the cluster's head, and that of its dashboard if that is on."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise VidcondenseError(
            "--on ray needs Ray, which is not installed: pip install 'vidcondense[ray]'"
        ) from error
    address = on if "://" in on else os.environ.get(ADDRESS, "")
    if address:
        _refuse_silent(address)
    else:
        address = _joined() or "local"
    more: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        context = ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **more)
    except Exception as error:  # Ray has many
        if address == "local":
            raise VidcondenseError(f"cannot start Ray on this machine: {_first(error)}") from error
        raise VidcondenseError(
            f"cannot work on the Ray cluster at {address}: {_first(error)}; if it wants a token: "
            "export RAY_AUTH_MODE=token"
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():  # Ray puts its own in their place
                signal.signal(number, handler)
    head = on if "://" in on else ray.get_runtime_context().gcs_address
    return ray, head, str(getattr(context, "dashboard_url", "") or "")


def _joined() -> str:
    """The address of the cluster that this machine belongs to; empty where it belongs to none that lives."""
    from ray._private.utils import read_ray_address  # what `ray start` has written: there is no public way

    address = str(read_ray_address() or "")
    try:
        _refuse_silent(address)
    except VidcondenseError:
        return ""
    return address


def _refuse_silent(address: str) -> None:
    """Refuse an address where nobody listens: Ray itself would wait for minutes."""
    try:
        parts = urlsplit(address if "://" in address else f"ray://{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise VidcondenseError(f"{address!r} is no address of a cluster, such as ray://head-node:10001")
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        raise VidcondenseError(
            f"no Ray cluster at {address} ({error.strerror or error}); start one with: ray start --head"
        ) from error


class Cluster:
    """Runs steps as tasks of Ray; see `Engine`."""

    def __init__(self, ray: Any, wanted: nodes.Wanted, head: str) -> None:
        self.ray, self.wanted, self.head = ray, wanted, head
        self.lost = False
        self._task = ray.remote(run_step)
        self._running: dict[Any, str] = {}
        self._nodes: list[dict[str, Any]] = []
        self._looked = self._heard = 0.0

    def check(self, needs: Sequence[Needs]) -> None:
        """Ask all nodes whether they can work, and refuse units that none of them has room for."""
        from ray import cloudpickle
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        for one in dict.fromkeys(needs):
            if not any(_fits(node, one) for node in self.nodes()):
                largest = max((_of(node) for node in self.nodes()), key=lambda has: (has.gpus, has.cores))
                raise VidcondenseError(
                    f"a unit needs {one}, and no node of the cluster has that; the largest has {largest}"
                )
        cloudpickle.register_pickle_by_value(nodes)
        try:
            ask = self.ray.remote(nodes.doubt)
            there = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in self.nodes()]
            asked = [
                ask.options(num_cpus=0, max_retries=0, scheduling_strategy=one).remote(self.wanted)
                for one in there
            ]
            doubts = self.ray.get(asked, timeout=CHECK_SECONDS)
        except self.ray.exceptions.GetTimeoutError as error:
            raise VidcondenseError(
                f"a node of the cluster has not answered for {CHECK_SECONDS:.0f} s; see: ray status"
            ) from error
        except self.ray.exceptions.RayError as error:
            raise VidcondenseError(f"a node of the cluster cannot be asked: {_first(error)}") from error
        finally:
            cloudpickle.unregister_pickle_by_value(nodes)
        for doubt in filter(None, doubts):
            raise VidcondenseError(doubt)

    def nodes(self) -> list[dict[str, Any]]:
        """The nodes that are there now, or were moments ago.

        Raises:
            VidcondenseError: the head of the cluster is gone.
        """
        if time.monotonic() - self._looked > LOOK_SECONDS or not self._nodes:
            if self._hears():
                self._nodes = [node for node in self.ray.nodes() if node["Alive"]]
            self._looked = time.monotonic()
        return self._nodes

    def _hears(self) -> bool:
        """Whether the head answers; when it has been silent for long it is lost."""
        try:
            _refuse_silent(self.head)
        except VidcondenseError as error:
            if time.monotonic() - self._heard < SILENT_SECONDS:
                return False
            self.lost = True
            raise VidcondenseError(
                f"the head of the cluster at {self.head} is lost; what is finished is kept: give the same "
                "command again, here or on another cluster"
            ) from error
        self._heard = time.monotonic()
        return True

    def describe(self) -> str:
        """One line on the cluster."""
        has = [_of(node) for node in self.nodes()]
        cores, gpus = sum(one.cores for one in has), sum(one.gpus for one in has)
        count = f"{len(has)} node{'s' * (len(has) != 1)}"
        return f"Ray cluster of {count}, {cores} cores" + (f", {gpus} GPUs" if gpus else "")

    def has_room(self, needs: Needs) -> bool:
        """Whether Ray has fewer steps at hand than would keep all nodes busy."""
        slots = sum(_slots(node, needs) for node in self.nodes())
        return len(self._running) < AHEAD * max(1, slots)

    def start(self, name: str, job: Job, needs: Needs) -> None:
        """Hand a step to Ray, which starts it where there is room."""
        options: dict[str, Any] = {
            "num_cpus": needs.cores,
            "num_gpus": needs.gpus,
            "max_retries": 0,
            "name": name,
        }
        if needs.memory:
            options["memory"] = needs.memory
        self._running[self._task.options(**options).remote(job, self.wanted)] = name

    def ended(self) -> list[Ended]:
        """See `Engine`."""
        waiting = list(self._running)
        self.nodes()
        if not waiting:
            time.sleep(WAIT_SECONDS)
            return []
        done, _ = self.ray.wait(waiting, num_returns=len(waiting), timeout=WAIT_SECONDS)
        return [self._end(self._running.pop(one), one) for one in done]

    def _end(self, name: str, task: Any) -> Ended:
        errors = self.ray.exceptions
        try:
            code, node, refused = self.ray.get(task)
        except errors.NodeDiedError:
            return Ended(name, node="a node that is gone", lost="its node is gone", innocent=True)
        except errors.RayError as error:
            return Ended(name, node="a node of the cluster", lost=_first(error))
        return Ended(name, code, node, refused=refused)

    def shown(self) -> dict[str, float]:
        """See `Engine`."""
        return {"nodes": float(len(self.nodes()))}

    def stop(self) -> None:
        """See `Engine`."""
        tasks = list(self._running)
        self._running.clear()
        if self.lost:
            return
        with suppress(Exception):  # the cluster may be gone; what it ran ends by itself then
            for task in tasks:
                self.ray.cancel(task, force=False)
            if tasks:
                self.ray.wait(tasks, num_returns=len(tasks), timeout=process.STOP_SECONDS)


def _first(error: Exception) -> str:
    """What an error says in a line: the first, and the last of a traceback that follows it."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{lines[0]} {lines[-1].strip()}" if lines[0].endswith(":") and len(lines) > 1 else lines[0]


def _of(node: dict[str, Any]) -> Needs:
    """What a node has."""
    has = node["Resources"]
    return Needs(int(has.get("CPU", 0)), int(has.get("GPU", 0)), int(has.get("memory", 0)))


def _slots(node: dict[str, Any], needs: Needs) -> int:
    """How many such units a node has room for."""
    has, most = _of(node), []
    for ours, theirs in ((needs.cores, has.cores), (needs.gpus, has.gpus), (needs.memory, has.memory)):
        most += [theirs // ours] if ours else []
    return min(most)


def _fits(node: dict[str, Any], needs: Needs) -> bool:
    return _slots(node, needs) > 0
