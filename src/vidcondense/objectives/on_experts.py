"""What objectives share that need networks trained on real clips: experts, the recipe's or the run's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidcondense import experts
from vidcondense.base.compute import Compute
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.data.store import ClipStore
from vidcondense.experts import Experts
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives.base import Objective
from vidcondense.recipes.recipe import Recipe

FOLDER = "experts"
"""Where a run keeps the experts that it trained itself."""


class OnExperts(Objective):
    """An objective with experts: networks trained on real clips, their weights after every epoch on disk.

    Args:
        recipe: `objective.experts` names a folder of them, or [experts] says how to train some.
        store: the real videos.
        compute: where and how precisely networks run.
        network: the recipe's, built for the store's clips.
    """

    needs_experts = True

    def __init__(self, recipe: Recipe, store: ClipStore, compute: Compute, network: VideoNetwork) -> None:
        super().__init__(recipe, store, compute)
        self._experts: Experts | None = None
        self._expected: Tensor | None = None
        self.epochs = recipe.experts.epochs
        if recipe.objective.experts:
            self._experts = Experts.open(recipe.objective.experts)
            self._experts.check(store, recipe.network, network)
            self.epochs = self._experts.epochs

    @property
    def experts(self) -> Experts:
        """The experts; `prepare` has to be called first."""
        if self._experts is None:
            raise RuntimeError("prepare has to be called first")
        return self._experts

    def prepare(self, folder: Path, show: bool) -> None:
        """Train the experts of the recipe's [experts] table into the run folder, unless it names others."""
        if self._experts is None:
            recipe = self.recipe
            try:
                self._experts = experts.train(
                    self.store,
                    folder / FOLDER,
                    recipe.experts,
                    network=recipe.network,
                    flip=recipe.flip,
                    seed=recipe.seed,
                    compute=self.compute,
                    show=show,
                )
            except Interrupted as stop:
                raise Interrupted(
                    f"stopped while training experts; whole epochs are saved, go on with:\n"
                    f"  vidcondense condense --resume {folder}"
                ) from stop
        if self._expected is not None and not torch.equal(self._expected, self._fingerprint()):
            raise VidcondenseError(
                f"the experts in {self.experts.path} have changed since the run was started"
            )

    def provenance(self) -> dict[str, Any]:
        """Fingerprint and settings of the experts."""
        if self._experts is None:
            return {}
        return {"experts": {"fingerprint": self.experts.fingerprint, **self.experts.plan["settings"]}}

    def state(self) -> dict[str, Tensor]:
        """See Objective; and which experts they are."""
        known = {} if self._experts is None else {"experts": self._fingerprint()}
        return {**super().state(), **known}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See Objective; `prepare` refuses other experts than those of the checkpoint."""
        super().restore(state)
        self._expected = state.get("experts")

    def _fingerprint(self) -> Tensor:
        return torch.tensor(list(bytes.fromhex(self.experts.fingerprint)), dtype=torch.uint8)
