"""The engine of this machine: so many processes at a time, each with a GPU of its own where there are."""

import time

from vidcondense.work import process
from vidcondense.work.unit import Ended, Job, Needs

POLL_SECONDS = 0.05


def gpus(device: str) -> int:
    """How many GPUs of this machine a user leaves to us: none where one is named, or the processor."""
    import torch  # help appears without waiting for it

    return torch.cuda.device_count() if device in ("auto", "cuda") else 0


class Processes:
    """Runs steps as processes of this machine.

    Args:
        jobs: how many at a time.
        gpus: of this machine; they take turns.
    """

    def __init__(self, jobs: int, gpus: int = 0) -> None:
        self.jobs = jobs
        self._free = [number for _ in range(-(-jobs // gpus)) for number in range(gpus)] if gpus > 1 else []
        self._running: dict[str, tuple[process.Process, int | None]] = {}

    def has_room(self, needs: Needs) -> bool:
        """Whether fewer run than may."""
        return len(self._running) < self.jobs

    def start(self, name: str, job: Job, needs: Needs) -> None:
        """Start a process."""
        gpu = self._free.pop(0) if needs.gpus and self._free else None
        more = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": str(gpu)}
        self._running[name] = (process.start(job, more), gpu)

    def ended(self) -> list[Ended]:
        """See `Engine`."""
        done = [name for name, (one, _) in self._running.items() if one.poll() is not None]
        if not done:
            time.sleep(POLL_SECONDS)
        found = []
        for name in done:
            one, gpu = self._running.pop(name)
            if gpu is not None:
                self._free.append(gpu)
            process.stop([one])
            found.append(Ended(name, one.returncode))
        return found

    def shown(self) -> dict[str, float]:
        """See `Engine`."""
        return {"running": float(len(self._running))}

    def stop(self) -> None:
        """See `Engine`."""
        process.stop([one for one, _ in self._running.values()])
        self._running.clear()
