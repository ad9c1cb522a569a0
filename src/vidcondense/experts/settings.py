"""How experts are trained; free of PyTorch, so that the command line knows it at once."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from msgspec import Meta

from vidcondense.base.settings import Settings, StepSize

Many = Annotated[int, Meta(ge=1, le=100_000)]
"""A number of experts, or of epochs of each."""


@dataclass(frozen=True, kw_only=True)
class ExpertSettings(Settings):
    """Networks trained on real clips whose weights after every epoch trajectory matching follows (MTT)."""

    family: ClassVar[str] = "experts"
    count: Many = 30
    """Networks, each from other random weights."""
    epochs: Many = 50
    """Epochs that each is trained; its weights after each are kept."""
    batch: Annotated[int, Meta(ge=1, le=1_000_000)] = 256
    """Clips per step."""
    learning_rate: StepSize = 0.01
    """Step size of plain SGD."""
