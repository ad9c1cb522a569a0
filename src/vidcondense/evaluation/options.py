"""What `evaluate` can be told, in Python and on the command line."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

from tyro.conf import arg

from vidcondense.base.options import CountOption, Device, Precision
from vidcondense.base.settings import Positive, Settings, Share

if TYPE_CHECKING:  # help appears without waiting for PyTorch
    from vidcondense.evaluation.protocols import Protocol


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions(Settings):
    """How networks are trained and tested.

    Attributes:
        network: Which network to train: minic3d, convnet3d, cnn_mean, cnn_mlp, cnn_rnn, cnn_gru, cnn_lstm,
            r2plus1d_18, video_transformer, or your own as FILE.py:CLASS. Several, joined by "+", take turns.
        networks_count: How many networks of each kind to train, each from other random weights.
        steps: Training steps of each network, to compare sets at equal ones; only with strong.
        flip: Share of training clips that are mirrored; none where the store says that direction matters.
            strict and vdsd never mirror condensed clips.
        seed: Seed of weights, order, windows of real training clips and (in vdsd) test windows.
    """

    network: Annotated[
        str | None,
        arg(metavar="NAME", help_behavior_hint="(default: minic3d+convnet3d with strong, else minic3d)"),
    ] = None
    networks_count: Annotated[
        int | None, arg(name="networks", metavar="N", help_behavior_hint="(default: 2 with strong, else 3)")
    ] = None
    steps: Annotated[
        Positive | None, arg(metavar="N", help_behavior_hint="(default: by the number of clips)")
    ] = None
    flip: Annotated[Share | None, arg(metavar="SHARE", help_behavior_hint="(default: 0.5)")] = None
    seed: CountOption = 0
    device: Device = "auto"
    precision: Precision = "auto"

    def count(self, protocol: "Protocol") -> int:
        """How many networks to train of each kind."""
        return protocol.usual_count if self.networks_count is None else self.networks_count


class EvaluationFields(TypedDict, total=False):
    """The fields of EvaluationOptions as keyword arguments."""

    network: str | None
    networks_count: int | None
    steps: int | None
    flip: float | None
    seed: int
    device: str
    precision: Literal["auto", "float32", "bfloat16"]
