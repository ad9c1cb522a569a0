"""What runs on a node of a cluster: one step of a unit. Nothing is imported here that takes time."""

import os
import socket
import time

from vidcondense.work import nodes, process
from vidcondense.work.unit import Job

POLL_SECONDS = 0.1


def run_step(job: Job, wanted: nodes.Wanted) -> tuple[int | None, str, str]:
    """A task: run a step on this node; when it is cancelled, or Ray ends here, it saves its state and ends.

    Returns:
        exit code, name of the node, and why it cannot work at all if it cannot.
    """
    here, node = socket.gethostname(), os.getppid()
    if why := nodes.doubt(wanted):
        return None, here, why
    running = process.start(job)
    try:
        # Where Ray's process of the node has died, this one lives on until its task ends.
        while running.poll() is None and os.getppid() == node:
            time.sleep(POLL_SECONDS)
    finally:
        process.stop([running])
    return running.returncode, here, ""
