"""What `evaluate` can be told, in Python and on the command line."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from tyro.conf import arg

from vidcondense.base.options import CountOption, Device, NameOption, Precision
from vidcondense.base.settings import Settings, Share


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions(Settings):
    """How networks are trained and tested.

    Attributes:
        network: Which network to train: minic3d, cnn_mean, cnn_mlp, cnn_rnn, cnn_gru, cnn_lstm, r2plus1d_18,
            video_transformer, or your own as FILE.py:CLASS.
        networks_count: How many networks to train, each from other random weights.
        flip: Share of real training clips that are mirrored; give 0 where left and right are different
            classes. Condensed clips are never mirrored.
        seed: Seed of weights, order, windows of real training clips and (in vdsd) test windows.
    """

    network: NameOption = "minic3d"
    networks_count: Annotated[int, arg(name="networks", metavar="N")] = 3
    flip: Annotated[Share | None, arg(metavar="SHARE", help_behavior_hint="(default: 0.5)")] = None
    seed: CountOption = 0
    device: Device = "auto"
    precision: Precision = "auto"


class EvaluationFields(TypedDict, total=False):
    """The fields of EvaluationOptions as keyword arguments."""

    network: str
    networks_count: int
    flip: float | None
    seed: int
    device: str
    precision: Literal["auto", "float32", "bfloat16"]
