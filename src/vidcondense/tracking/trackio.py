"""trackio: a database on this machine, where the user's other trackio projects are."""

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcondense.base import files, moving
from vidcondense.base.repeats import shell
from vidcondense.tracking.base import Tracked, Tracker

PROJECT = "vidcondense"
REMOTE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")
"""Variables by which a user sends trackio elsewhere."""


class Shown(Tracker):
    """Metrics and moving pictures in trackio's own folder, TRACKIO_DIR or in Hugging Face's cache."""

    needs = "trackio"
    _run: Any

    def start(self, run: Tracked) -> str:
        """See `Tracker.start`."""
        import trackio

        self._folder, self._first = run.folder, run.first
        with _quiet(), _as_nobody():
            self._run = trackio.init(
                PROJECT,
                name=f"{run.name} {run.id}",  # by which a run that goes on is found
                group=run.group,
                config=dict(run.settings),
                resume="allow" if run.first else "never",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        return shell("trackio", "show", "--project", PROJECT)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker.metrics`."""
        self._run.log(dict(values), step=step)

    def clips(self, step: int, frames: NDArray[np.uint8]) -> None:
        """See `Tracker.clips`."""
        import trackio

        path = self._folder / f"clips-{step}.gif"
        files.write_bytes(path, moving.gif(frames))
        self._run.log({"clips": trackio.Video(path)}, step=step)  # which keeps a copy

    def end(self) -> None:
        """See `Tracker.end`."""
        import trackio

        with _quiet():
            trackio.finish()  # the run alone would be finished again, and say so, when the process ends


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Standard output is for results of ours."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


@contextlib.contextmanager
def _as_nobody() -> Iterator[None]:
    """Keep trackio from asking the Hub whose token is on this machine, which no local run needs to know."""
    import huggingface_hub

    if any(map(os.environ.get, REMOTE)):
        yield
        return
    asks = huggingface_hub.whoami

    def nobody(*args: object, **options: object) -> dict[str, str]:
        raise OSError("not asked")

    huggingface_hub.whoami = nobody
    try:
        yield
    finally:
        huggingface_hub.whoami = asks
