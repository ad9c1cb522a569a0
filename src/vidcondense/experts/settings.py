"""How experts are trained; free of PyTorch, so that the command line knows it at once."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from msgspec import Meta
from tyro.conf import arg

from vidcondense.base.options import N
from vidcondense.base.settings import Settings, StepSize

Many = Annotated[int, Meta(ge=1, le=100_000)]
"""A number of experts, or of epochs of each."""


@dataclass(frozen=True, kw_only=True)
class ExpertSettings(Settings):
    """Networks trained on real clips whose weights after every epoch trajectory matching follows (MTT)."""

    family: ClassVar[str] = "experts"
    count: Annotated[Many, arg(name="experts", metavar="N")] = 30
    """How many networks to train, each from other random weights."""
    epochs: Annotated[Many, N] = 50
    """Epochs that each is trained; its weights after each are kept."""
    steps: Annotated[int, Meta(ge=0, le=1_000_000), N] = 0
    """Least steps of an epoch: few clips are passed over several times to make so many; 0: once."""
    batch: Annotated[int, Meta(ge=1, le=1_000_000), N] = 256
    """Clips per step."""
    learning_rate: Annotated[StepSize, arg(metavar="RATE")] = 0.01
    """Step size of SGD, without momentum."""
