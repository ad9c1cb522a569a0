"""Evaluation in several goes, or by several processes: each network's result is a file of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.progress import Progress
from vidcondense.base.repeats import MEND, refuse_difference
from vidcondense.base.units import plural
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.evaluation import shown
from vidcondense.evaluation.network import Shared
from vidcondense.evaluation.options import EvaluationFields, EvaluationOptions
from vidcondense.evaluation.parts import Parts, decisive
from vidcondense.evaluation.protocols import PROTOCOL, Protocol
from vidcondense.evaluation.results import Evaluation, FullRecord, NetworkResult, networks_of
from vidcondense.evaluation.trial import Trial, shown_steps
from vidcondense.tracking import Track, Tracker


def evaluate(
    training: CondensedVideos | ClipStore,
    store: ClipStore,
    *,
    out: Path | str | None = None,
    force: bool = False,
    protocol: Protocol | str = PROTOCOL,
    show: bool = True,
    track: Track = (),
    **options: Unpack[EvaluationFields],
) -> Evaluation:
    """Train fresh networks on condensed clips, or on all real ones, and test them on real ones.

    Args:
        training: a condensed set; or a store, for the whole dataset: all training videos of its split.
        store: its test split is what accuracy is measured on.
        out: a file for the result, see `evaluate_to`; without one nothing is written.
        force: see `evaluate_to`.
        protocol: "strong", "strict", "vdsd", or a Protocol with other constants.
        show: whether to print progress.
        track: who shows the networks while they are trained, see `tracking.chosen`.
        options: the fields of `EvaluationOptions`, which says what they mean.

    Raises:
        VidcondenseError: an option out of range, set and store do not fit, a class is missing, `flip` comes
            with a condensed set, or the network is unknown or too large for the device's memory.
    """
    track = shown.names_of(track, Path(out) if out is not None else None)
    chosen = EvaluationOptions(**options)
    trial = Trial.of(training, store, chosen, protocol=protocol)
    if out is None:
        return trial.evaluate(chosen.count(trial.protocol), show)
    return evaluate_to(Path(out), trial, chosen.count(trial.protocol), show=show, force=force, track=track)


def evaluate_to(
    out: Path,
    trial: Trial,
    networks_count: int,
    *,
    show: bool = True,
    force: bool = False,
    shared: Shared | None = None,
    track: Track = (),
) -> Evaluation:
    """Evaluate and write the result; networks that are there are kept, of a finished and of a cut evaluation.

    Any number of processes gives the same result, but for `seconds`.

    Args:
        out: the file for the result; one that is there must have been made from the same. Until it is
            written, single networks are in a folder beside it, of the same name with the suffix .networks.
        trial: what is evaluated, and how.
        networks_count: how many networks of each kind; where more are there, the result is of all of them.
        show: whether to print progress.
        force: train all networks anew; the file stays until the new result is whole.
        shared: where networks are trained by several processes; None: in this one, one after another.
        track: see `evaluate`; of `shared` its own counts.

    Raises:
        UnitsFailed: networks that failed three times; the others are trained.
        VidcondenseError: as `evaluate`; the file was made from something else or cannot be written, or
            another process evaluates to it; or a cluster cannot be worked with.
        Interrupted: Ctrl-C or SIGTERM.
    """
    total = trial.total(networks_count)
    files.refuse_other(out, lambda begin: b'"protocol"' in begin, "an evaluation")
    earlier: FullRecord | None = None
    folder = out.parent / f"{out.stem}.networks"
    parts = Parts.of(trial, folder)
    if not force and out.is_file():
        earlier = _read(out, trial)
        if earlier["networks"] >= total:
            Progress(0, enabled=show).say(_done(out, earlier["networks"], total))
            parts.forget(earlier["networks"])
            return trial.evaluation((), earlier)
    trial.memory()  # a network that cannot be had is refused before anything is made
    numbers = range(earlier["networks"] if earlier else 0, total)
    with files.lock_folder(files.make_folder(folder)):
        if shared is None:
            missing = [number for number in numbers if not parts.holds(number)]
            _train(missing, trial, parts, show, shown.names_of(track, out))
        else:
            shared.train(numbers, trial, parts, show)
        made = trial.evaluation([parts.read(number) for number in numbers], earlier)
        files.write_json(out, made.to_dict())
        files.remove_folder(folder)
    return made


def _train(
    numbers: Sequence[int], trial: Trial, parts: Parts, show: bool, track: Sequence[str | Tracker]
) -> None:
    before: list[NetworkResult] = []
    with Progress(len(numbers) * trial.steps, enabled=show) as progress:
        progress.say(trial.memory())
        for number in numbers:
            advance = shown_steps(progress, number, before)
            say = show and number == numbers[0]
            before.append(shown.run(trial, number, advance, track, parts.folder, show=say))
            parts.write(number, before[-1])


def _done(out: Path, there: int, wanted: int) -> str:
    more = "" if there == wanted else f", more than the {wanted} asked for"
    return f"{out} is there already, of {plural(there, 'network')}{more}: nothing to do"


def _read(out: Path, trial: Trial) -> FullRecord:
    """The evaluation that is there; one that was made from something else is refused."""
    try:
        record = files.read_json(out, FullRecord, files.MOST_RECORD_BYTES)
        if "made_from" not in record:
            raise VidcondenseError(f"{out} is of an earlier version and does not say what it was made from")
        if tuple(record["per_class"]) != tuple(trial.store.class_names):
            raise VidcondenseError(f"{out} is of other classes")
        networks_of(record)
    except VidcondenseError as error:
        raise VidcondenseError(f"{error}; {MEND}") from error
    wanted = trial.evaluation(()).to_dict()
    refuse_difference(out, decisive(record), decisive(wanted))
    return record
