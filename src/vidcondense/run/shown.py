"""What trackers are told of a condensation."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vidcondense.base import moving
from vidcondense.base.versions import versions
from vidcondense.condensed import CondensedVideos
from vidcondense.run.folder import RunFolder
from vidcondense.run.state import State
from vidcondense.tracking import Audience, Track, Tracking

PICTURES = 10
"""How often the clips are shown in a run, beside the result."""


def audience(track: Track | Audience, out: Path, part: str = "condense") -> Audience:
    """Whom to tell of the run in a folder, or of a part of it."""
    return track if isinstance(track, Audience) else Audience.of(track, out, out.resolve().name, part)


def tracking(told: Audience, state: State, show: bool) -> Tracking:
    """The tracking of a run from where it is."""
    store = state.store
    return told.follow(
        {
            "recipe": state.recipe.to_dict(),
            "store": {"name": store.name, "fingerprint": store.fingerprint, "split": store.split},
            "device": str(state.compute.device),
            "precision": state.compute.precision,
            "versions": versions(),
        },
        state.iteration,
        show=show,
    )


def is_due(state: State) -> bool:
    """Whether the clips are shown before the next iteration."""
    return state.iteration % max(1, state.recipe.all_iterations // PICTURES) == 0


def picture(condensed: CondensedVideos) -> NDArray[np.uint8]:
    """The first clip of each of the first classes, side by side: (time, height, width, 3)."""
    labels = condensed.labels.tolist()
    firsts = [labels.index(label) for label in sorted(set(labels))[: moving.MOST_CLIPS]]
    return moving.grid(condensed.pixels(firsts).permute(0, 1, 3, 4, 2).numpy())


def result(tracking: Tracking, step: int, condensed: CondensedVideos, run: RunFolder) -> None:
    """Show a finished set as its file has it, and what it took."""
    known = run.read()
    tracking.clips(step, lambda: picture(condensed))
    numbers = {"seconds": known["seconds"], "file_bytes": run.condensed.stat().st_size}
    tracking.metrics(step, numbers)
