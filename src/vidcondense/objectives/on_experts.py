"""What objectives share that need networks trained on real clips: experts, the recipe's or the run's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.base.progress import Progress
from vidcondense.experts.buffer import Experts
from vidcondense.experts.training import train
from vidcondense.networks.base import VideoNetwork
from vidcondense.objectives.base import Context, Objective, ObjectiveSettings

FOLDER = "experts"
"""Where a run keeps the experts that it trained itself."""


@dataclass(frozen=True, kw_only=True)
class OnExpertsSettings(ObjectiveSettings):
    """What objectives on experts read."""

    needs_experts: ClassVar[bool] = True
    experts: str = ""
    """Folder of expert trajectories; empty: train those of the [experts] table into the run folder first."""


class OnExperts(Objective):
    """An objective with experts: networks trained on real clips, their weights after every epoch on disk.

    Args:
        settings: `experts` names a folder of them, or else the context says how to train some.
        context: the real videos, and where networks run.
        network: the context's, built for the store's clips.
    """

    def __init__(self, settings: OnExpertsSettings, context: Context, network: VideoNetwork) -> None:
        super().__init__(settings, context)
        self._experts: Experts | None = None
        self._expected: Tensor | None = None
        self.epochs = context.experts.epochs
        if settings.experts:
            self._experts = Experts.open(settings.experts)
            self._experts.check(context.store, context.network, network)
            self.epochs = self._experts.epochs

    @property
    def experts(self) -> Experts:
        """The experts; `prepare` has to be called first."""
        if self._experts is None:
            raise RuntimeError("prepare has to be called first")
        return self._experts

    def prepare(self, folder: Path, show: bool) -> None:
        """Train the experts of the [experts] table into the run folder, unless the settings name others."""
        if self._experts is None:
            context = self.context
            try:
                self._experts = train(
                    context.store.whole,
                    folder / FOLDER,
                    context.experts,
                    network=context.network,
                    flip=context.flip,
                    seed=context.seed,
                    compute=self.compute,
                    show=show,
                )
            except Interrupted as stop:
                raise Interrupted(
                    f"stopped while training experts; whole epochs are saved, go on with:\n"
                    f"  vidcondense condense --resume {folder}"
                ) from stop
        elif doubt := self._experts.doubt():
            Progress(0, enabled=show).say(doubt)
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
