"""What a run would leave if it ended now, and what its file would give back."""

from typing import TYPE_CHECKING

from torch import Tensor

from vidcondense.base.versions import versions
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.base import REPRESENTATIONS
from vidcondense.condensed.filling import filled
from vidcondense.condensed.parts import apart, together
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.run.teaching import with_room

if TYPE_CHECKING:
    from vidcondense.run.state import State


def artifact(state: "State") -> CondensedVideos:
    """What a run would leave if it ended now."""
    store, recipe = state.store, state.recipe
    extensions = recipe.extension_files()
    return state.synthetic.condensed(
        labels=state.synthetic.labels.cpu(),
        class_names=tuple(store.class_names),
        frames=store.frames,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        shown=(store.size, store.size) if recipe.synthetic.size else None,
        storage=recipe.storage,
        quality=recipe.quality,
        tiles=recipe.tiles,
        provenance={
            "recipe": recipe.portable(),
            "source": {"name": store.name, "fingerprint": store.fingerprint, "split": store.split},
            **state.objective.provenance(),
            "precision": state.compute.precision,
            "device": state.compute.device.type,
            "versions": versions(),
            **({"features": {**state.features, "seed": recipe.seed}} if state.features else {}),
            **({"extensions": extensions} if extensions else {}),
        },
        **state.objective.learned(),
    )


def decoded(state: "State") -> Tensor:
    """The frames that are stored, as reading the file would give them, of the quality that fills a budget.

    Returns:
        (key frame, 3, height, width) float32, on the CPU; the same for the same state.

    Raises:
        VidcondenseError: at the lowest quality they take more than the budget.
    """
    made, budget = with_room(artifact(state), state.recipe), state.recipe.budget
    header, tensors = apart(filled(made, budget) if budget else made)
    return together(REPRESENTATIONS, tensors, header).tensors()["key_frames"]
