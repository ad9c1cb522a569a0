"""Soft labels of a finished set, by teachers whose weights are kept until the run is finished."""

import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from vidcondense import networks
from vidcondense.base import files
from vidcondense.base.compute import Compute, generator, root_seed
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted, catch_interrupts
from vidcondense.base.progress import Progress
from vidcondense.base.repeats import command
from vidcondense.base.typed import parse, typed
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import StoreClips
from vidcondense.evaluation.protocols import diverged
from vidcondense.evaluation.teachers import answers, flip, levels, train_teacher
from vidcondense.networks.base import VideoNetwork
from vidcondense.networks.measure import measure
from vidcondense.recipes.recipe import Recipe
from vidcondense.run import folder as run_folder
from vidcondense.run.folder import RunFolder

T = TypeVar("T", bound=CondensedVideos)
FEW_STEPS = 2


class Teacher(NamedTuple):
    """A network, its training loss at the end, and the seconds that it took."""

    network: VideoNetwork
    loss: float
    seconds: float


def with_room(condensed: T, recipe: Recipe) -> T:
    """The set with soft labels that nobody could pack, where the recipe has teachers."""
    if not recipe.teachers.count:
        return condensed
    any_at_all = torch.rand(len(condensed), len(condensed.class_names), generator=generator(0, "room"))
    return replace(condensed, soft_labels=levels(any_at_all))


def taught(
    condensed: T, run: RunFolder, recipe: Recipe, store: ClipStore, compute: Compute, show: bool
) -> tuple[T, float]:
    """The set with soft labels, where the recipe has teachers, and the seconds that these took in all.

    Raises:
        VidcondenseError: a teacher has learned nothing.
        Interrupted: Ctrl-C or SIGTERM; teachers that are trained are kept, and `resume` goes on.
    """
    settings = recipe.teachers
    if not settings.count:
        return condensed, 0.0
    teachers = _teachers(run, recipe, store, compute, show)
    began = time.perf_counter()
    found = answers(
        [one.network for one in teachers],
        condensed.render().to(compute.device),
        flip=flip(store),
        settings=settings,
        seed=root_seed(recipe.seed, store.split),
        compute=compute,
    )
    record = {"networks": settings.names, "training_losses": [one.loss for one in teachers]}
    labelled = replace(
        condensed, soft_labels=levels(found), provenance={**condensed.provenance, "teachers": record}
    )
    return labelled, time.perf_counter() - began + sum(one.seconds for one in teachers)


def lessons(store: ClipStore, recipe: Recipe, compute: Compute) -> float:
    """Seconds that training its teachers will take, by a few steps of each kind made here and now."""
    settings = recipe.teachers
    if not settings.count:
        return 0.0
    few = settings.replace(count=1, steps=FEW_STEPS)
    each = [
        measure(partial(train_teacher, store, few, number, 0, compute, lambda loss: None), store).seconds
        for number in range(len(few.names))
    ]
    return sum(each) / FEW_STEPS * settings.steps * settings.count


def _teachers(
    run: RunFolder, recipe: Recipe, store: ClipStore, compute: Compute, show: bool
) -> list[Teacher]:
    """All teachers; those that an earlier call has trained are read."""
    settings, seed = recipe.teachers, root_seed(recipe.seed, store.split)
    total = settings.steps * len(settings.names)
    made: list[Teacher] = []
    with Progress(total, enabled=show) as progress, catch_interrupts() as interrupts:
        progress.say(f"training {len(settings.names)} teachers on all training videos, for soft labels")
        try:
            for number in range(len(settings.names)):
                teacher = _read(run, recipe, number, store, compute)
                if teacher:
                    progress.advance(settings.steps)
                else:
                    began = time.perf_counter()
                    with interrupts.at_once():
                        trained = train_teacher(
                            store, settings, number, seed, compute, lambda loss: progress.advance(loss=loss)
                        )
                    teacher = Teacher(*trained, time.perf_counter() - began)
                    _refuse_unlearned(teacher, settings.names[number], store, compute)
                    _write(run, number, teacher)
                made.append(teacher)
        except Interrupted as stop:
            raise Interrupted(
                f"stopped with {len(made)} of {len(settings.names)} teachers trained; all else is saved, "
                f"go on with:\n  {command('condense', '--resume', run.path)}"
            ) from stop
    return made


def _refuse_unlearned(teacher: Teacher, name: str, store: ClipStore, compute: Compute) -> None:
    loss = teacher.loss
    if diverged(loss, StoreClips(store.whole, 0.0, compute), len(store.class_names)):
        raise VidcondenseError(
            f"a teacher ({name}) has learned nothing: its loss at the end is {loss:.3g}, no better than "
            "guessing; give it more --set teachers.steps, or leave soft labels out (teachers.count=0)"
        )


def _file(run: RunFolder, number: int) -> Path:
    return run.teachers / f"{number:03d}.safetensors"


def _write(run: RunFolder, number: int, teacher: Teacher) -> None:
    weights = {name: value.cpu().contiguous() for name, value in teacher.network.state_dict().items()}
    about = json.dumps({**_identity(run, number), "loss": teacher.loss, "seconds": teacher.seconds})
    files.make_folder(run.teachers)
    files.write_bytes(_file(run, number), save(weights, metadata={"vidcondense_teacher": about}))


def _read(run: RunFolder, recipe: Recipe, number: int, store: ClipStore, compute: Compute) -> Teacher | None:
    """A teacher that an earlier call of the same run has trained; None where there is none, or a damaged."""
    name = recipe.teachers.names[number]
    network = networks.build(name, *store.shape).to(compute.device)
    try:
        with safe_open(_file(run, number), framework="pt") as file:
            about = typed(parse((file.metadata() or {})["vidcondense_teacher"]), dict[str, str | int | float])
            network.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, VidcondenseError, KeyError, RuntimeError):
        return None
    loss, seconds = (float(about.pop(name)) for name in ("loss", "seconds"))
    return Teacher(network, loss, seconds) if about == _identity(run, number) else None


def _identity(run: RunFolder, number: int) -> dict[str, str | int]:
    return {"run": run_folder.identity(run.read()), "number": number}
