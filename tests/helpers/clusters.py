"""Ray clusters of several nodes on this machine, on the loopback address, that end with their block."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
"""Has Ray, not imported yet, stay on the loopback address, here and in the commands that tests start."""
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
"""Has workers of Ray share the processor with what else runs here, in place of coming last."""

START_SECONDS = 300
os.environ["RAY_agent_register_timeout_ms"] = str(1000 * START_SECONDS)  # noqa: SIM112
"""Has nodes start where the processor is busy: the agents of Ray's nodes give up after 30 s."""

QUIET = {
    "node_ip_address": "127.0.0.1",
    "object_store_memory": 80 * 2**20,
    "include_dashboard": False,
    "include_log_monitor": False,
    "no_monitor": True,
}


@contextmanager
def cluster(nodes: int = 2, **head: Any) -> Iterator[Any]:
    """A cluster of nodes with one core each, whose address is in RAY_ADDRESS.

    Args:
        nodes: how many, with the head.
        head: more arguments of the head.
    """
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'vidcondense[ray]'")
    from ray._private import services
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "get_node", partial(patient, services.get_node))
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **QUIET, **head})
        try:
            for _ in range(nodes - 1):
                made.add_node(num_cpus=1, **QUIET)
            patch.setenv("RAY_ADDRESS", made.address)
            yield made
        finally:
            made.shutdown()


def patient(ask: Callable[..., Any], *words: Any) -> Any:
    """What Ray says of a node once it has started, for which Ray itself waits for no more than 30 s."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            return ask(*words)
        except RuntimeError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def processes_of(session: Path) -> list[int]:
    """Processes whose command line names a session of Ray."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if str(session).encode() in words:
                found.append(int(folder.name))
    return found


def slowness() -> float:
    """How many times longer than on an idle machine a process takes here and now."""
    began, until = time.monotonic(), time.process_time() + 0.1
    while time.process_time() < until:
        pass
    return max(1.0, (time.monotonic() - began) / 0.1)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
