"""How evaluation networks are trained and tested on real clips: a protocol in each file."""

from vidcondense.evaluation.protocols.base import Protocol, diverged, train_network
from vidcondense.evaluation.protocols.strict import Strict
from vidcondense.evaluation.protocols.strong import Strong
from vidcondense.evaluation.protocols.vdsd import Vdsd

__all__ = ["PROTOCOL", "PROTOCOLS", "Protocol", "Strict", "Strong", "Vdsd", "diverged", "train_network"]

PROTOCOL = "strong"
"""The default."""

PROTOCOLS: dict[str, type[Strong] | type[Strict] | type[Vdsd]] = {
    "strong": Strong,
    "strict": Strict,
    "vdsd": Vdsd,
}
