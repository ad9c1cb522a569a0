"""Weights & Biases: files in the folder of the run, to be sent later, or at once by WANDB_MODE=online."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcondense.base import files, moving
from vidcondense.base.repeats import shell
from vidcondense.tracking.base import Tracked, Tracker

PROJECT = "vidcondense"
MODE, REPORTS = "WANDB_MODE", "WANDB_ERROR_REPORTING"
STEP = "at"
"""Our steps: those of wandb only rise, and what is behind them is lost when a run goes on."""


class Shown(Tracker):
    """Metrics and moving pictures; without an account, unless WANDB_MODE says otherwise."""

    needs = "wandb"
    _run: Any

    def start(self, run: Tracked) -> str:
        """See `Tracker.start`."""
        mode = os.environ.get(MODE) or "offline"
        if mode == "offline":  # its service would send reports of its own errors even so
            os.environ.setdefault(REPORTS, "false")
        import wandb

        quiet = wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True)
        self._folder, own = run.folder, os.environ.get("WANDB_DIR", "")
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            mode=mode,
            id=run.id,
            name=run.name,
            group=run.group,
            dir=own or str(run.folder),
            config=dict(run.settings),
            resume="allow" if run.first else None,
            reinit="create_new",
            settings=quiet,
        )
        self._run.define_metric(STEP, hidden=True)
        self._run.define_metric("*", step_metric=STEP)
        if mode != "offline":
            return ""
        return f"wandb sync {shell(own) if own else shell(run.folder.parent) + '/*'}/wandb/offline-run-*"

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker.metrics`."""
        self._run.log({**values, STEP: step})

    def clips(self, step: int, frames: NDArray[np.uint8]) -> None:
        """See `Tracker.clips`."""
        import wandb

        path = self._folder / f"clips-{step}.gif"
        files.write_bytes(path, moving.gif(frames))
        self._run.log({"clips": wandb.Video(str(path)), STEP: step})

    def end(self) -> None:
        """See `Tracker.end`."""
        self._run.finish()
