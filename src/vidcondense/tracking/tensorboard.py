"""TensorBoard: event files in the folder of the run."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vidcondense.base import moving
from vidcondense.base.repeats import shell
from vidcondense.tracking.base import Tracked, Tracker

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

SECONDS = 10
"""How often what waits is written."""


class Shown(Tracker):
    """Scalars and moving pictures; events after the step that a run goes on from are taken back."""

    needs = "tensorboard"
    _writer: "SummaryWriter"

    def start(self, run: Tracked) -> str:
        """See `Tracker.start`."""
        from torch.utils.tensorboard.writer import SummaryWriter

        back = {"purge_step": run.first} if run.first else {}
        self._writer = SummaryWriter(str(run.folder), flush_secs=SECONDS, **back)
        rows = (f"    {name} = {json.dumps(value)}" for name, value in run.settings.items())
        self._writer.add_text("settings", "\n".join(rows), run.first)
        return shell("tensorboard", "--logdir", run.folder.parent)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker.metrics`."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def clips(self, step: int, frames: NDArray[np.uint8]) -> None:
        """See `Tracker.clips`; an image whose bytes are those of a moving one, as `add_video` has it."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        height, width = frames.shape[1:3]
        image = Summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=moving.gif(frames)
        )
        summary = Summary(value=[Summary.Value(tag="clips", image=image)])
        self._writer._get_file_writer().add_summary(summary, step)  # the way to give encoded bytes

    def end(self) -> None:
        """See `Tracker.end`."""
        self._writer.close()
