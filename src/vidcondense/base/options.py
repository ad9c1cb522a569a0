"""Types of options that several commands have: how help calls them, and within which limits they are."""

from typing import Annotated, Literal

from msgspec import Meta
from tyro.conf import UseAppendAction, arg

from vidcondense.base.settings import Count, Positive, Share

N = arg(metavar="N")
ALL = arg(metavar="N", help_behavior_hint="(default: all)")

CountOption = Annotated[Count, N]
PositiveOption = Annotated[Positive, N]
ShareOption = Annotated[Share, arg(metavar="SHARE")]
NameOption = Annotated[str, arg(metavar="NAME")]
WorkersOption = Annotated[int, Meta(ge=0, le=1024), N]
Device = Annotated[
    str, arg(metavar="DEVICE", help="Where networks run: auto (a GPU if there is one), cpu, cuda or cuda:N.")
]
On = Annotated[
    str,
    arg(
        metavar="here|ray|ray://HOST:PORT",
        help="Where work is done: here, on this machine; or in parts on a cluster of Ray (docs/scale.md).",
    ),
]
JobsOption = Annotated[
    Annotated[int, Meta(ge=0, le=1024)],
    arg(metavar="N", help="Parts of the work to do at a time on this machine; 0: one per GPU, else one."),
]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    arg(help="Precision of the networks; auto takes bfloat16 where it is fast, else float32."),
]
Trackers = Annotated[
    UseAppendAction[tuple[str, ...]],
    arg(
        metavar="NAME",
        help="Show the run while it lasts: tensorboard, trackio, wandb or FILE.py:CLASS; once per tracker.",
    ),
]
