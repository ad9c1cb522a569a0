"""What trackers are told of an evaluation, of which each network is a run of its own."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from vidcondense.base.errors import VidcondenseError
from vidcondense.evaluation.results import NetworkResult
from vidcondense.evaluation.training import Advance
from vidcondense.evaluation.trial import Trial
from vidcondense.tracking import Audience, Track, Tracker, chosen, several


def names_of(track: Track, out: Path | None) -> Sequence[str | Tracker]:
    """Whom to tell, as a sequence.

    Raises:
        VidcondenseError: see `chosen`; or the result goes to no file.
    """
    names = several(track)
    chosen(names)
    if names and out is None:
        raise VidcondenseError("--track needs --out FILE: what is shown is kept beside it")
    return names


def run(
    trial: Trial, number: int, advance: Advance, track: Track, parts: Path, *, show: bool = True
) -> NetworkResult:
    """As `Trial.run`, while trackers are told.

    Args:
        trial: see `Trial.run`, as `number` and `advance`.
        number: of the network, from 0.
        advance: is told the loss of each step too.
        track: see `tracking.chosen`.
        parts: the folder of networks' results.
        show: whether to say where it is shown.
    """
    beside, name = parts.resolve().parent, parts.stem
    whole = beside.parent if beside.name == "evaluations" else beside
    told = Audience.of(track, beside, f"{whole.name} {name}", f"{name}-{number + 1}")
    settings = {
        "network": trial.turns[number % len(trial.turns)],
        "number": number + 1,
        "seed": trial.seed,
        "protocol": trial.protocol.settings(),
        **trial.made_from,
    }
    with told.follow(settings, show=show) as tracking:
        steps = itertools.count()

        def advance_and_tell(loss: float) -> None:
            tracking.metrics(next(steps), {"loss": loss})
            advance(loss)

        result = trial.run(number, advance_and_tell)
        orders = {f"top1 {order}": share for order, share in result.controls.items()}
        tracking.metrics(trial.steps, {"top1": result.top1, "top5": result.top5, **orders})
    return result
