"""Which of torchrun's processes this is, and which GPU is its own."""

import os
from dataclasses import dataclass

import torch

from vidcondense.base.errors import VidcondenseError

RANK, COUNT, LOCAL = "RANK", "WORLD_SIZE", "LOCAL_RANK"
"""What torchrun calls them in the environment."""


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is."""

    rank: int
    count: int

    @staticmethod
    def here() -> "Ranks":
        """As torchrun says in the environment; one process without it."""
        return Ranks(int(os.environ.get(RANK, "0")), int(os.environ.get(COUNT, "1")))

    @property
    def first(self) -> bool:
        """Whether this is the process that gathers and prints."""
        return self.rank == 0


def local_device(device: str) -> str:
    """The GPU of this process where there is one for each; else what was asked for."""
    rank = os.environ.get(LOCAL)
    here = rank is not None and torch.cuda.is_available()
    return f"cuda:{rank}" if here and device in ("auto", "cuda") else device


def environment_of_one() -> dict[str, str]:
    """The environment for a command that is to work alone, whatever this process is a part of."""
    return {name: value for name, value in os.environ.items() if name not in (RANK, COUNT, LOCAL)}


def refuse_force(out: object) -> None:
    """Refuse to make something anew in several processes: they cannot know which of them has begun it."""
    if Ranks.here().count > 1:
        raise VidcondenseError(f"--force is for one process; remove {out} yourself, and leave --force out")
