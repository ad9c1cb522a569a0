"""The folder of expert trajectories: a file of weights per expert and epoch, and an index."""

import hashlib
import json
import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from vidcondense.base import files
from vidcondense.base.compute import root_seed
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.repeats import MEND, refuse_difference
from vidcondense.base.typed import Whole, typed
from vidcondense.base.versions import refuse_newer
from vidcondense.data.store import ClipStore
from vidcondense.networks.flat import shapes

INDEX = "experts.json"
FORMAT = 1
STREAMS = "of seed and split"
"""What random numbers derive from; plans of earlier versions do not say: from the seed alone."""
LEARNED = 0.9
"""Experts whose loss at the end is above this share of what guessing gives have hardly learned."""
GROWING = ("count", "epochs")
"""Settings that may be raised later: experts and epochs that are there keep their bytes."""


class _Settings(TypedDict):
    count: Whole
    epochs: Whole
    seed: Whole


class _Clips(TypedDict):
    classes: Whole


class _Source(TypedDict):
    name: str
    fingerprint: str
    split: str


class _Plan(TypedDict):
    store: _Source
    network: str
    clips: _Clips
    settings: _Settings


@dataclass(frozen=True)
class Epoch:
    """One file of weights.

    Attributes:
        loss: mean cross-entropy over the clips of the epoch, as they were trained on; None at the start.
        accuracy: share of those clips classified right, 0..1; None at the start.
        sha256: of the file.
    """

    loss: float | None
    accuracy: float | None
    sha256: str


class _Index(TypedDict):
    """experts.json, as far as it is read."""

    plan: _Plan
    parameters: list[tuple[str, list[Whole]]]
    versions: dict[str, str]
    experts: list[list[Epoch]]


@dataclass
class Experts:
    """Trajectories in a folder; epoch 0 is the random start.

    Attributes:
        path: the folder.
        plan: everything that decides the weights: store, clips, network, settings, seed, precision, device.
        parameters: names and shapes of the weights in the order of the flat vector.
        versions: of the software that made them.
        records: the epochs that are there, of each expert.
    """

    path: Path
    plan: dict[str, Any]
    parameters: list[tuple[str, list[int]]]
    versions: dict[str, str]
    records: list[list[Epoch]]

    @staticmethod
    def open(path: Path | str) -> "Experts":
        """Read the index; weights are read, and their SHA-256 compared, when they are asked for."""
        folder = Path(path)
        if not (folder / INDEX).is_file():
            raise VidcondenseError(
                f"no experts in {folder}: it has no {INDEX}; "
                f"train some with: vidcondense experts STORE --out {folder}"
            )
        values = files.read_json(folder / INDEX, dict[str, Any])
        refuse_newer(folder / INDEX, values.get("format"), FORMAT, values.get("versions"))
        if values.get("format") != FORMAT:
            raise VidcondenseError(f"{folder / INDEX} was not written by this vidcondense")
        try:
            index = typed(values, _Index)
            made = Experts(folder, values["plan"], index["parameters"], index["versions"], index["experts"])
            if (
                made.count < 1
                or made.epochs < 1
                or index["plan"]["clips"]["classes"] < 1
                or len(made.records) < made.count
            ):
                raise VidcondenseError("it has no record of each expert")
        except VidcondenseError as error:
            raise VidcondenseError(f"{folder / INDEX} is damaged ({error})") from error
        return made

    def save(self) -> None:
        """Write the index atomically."""
        files.write_json(
            self.path / INDEX,
            {
                "format": FORMAT,
                "plan": self.plan,
                "parameters": self.parameters,
                "versions": self.versions,
                "experts": [[asdict(epoch) for epoch in expert] for expert in self.records],
            },
        )

    @property
    def count(self) -> int:
        """How many experts are wanted."""
        return int(self.plan["settings"]["count"])

    @property
    def epochs(self) -> int:
        """How many epochs each is trained."""
        return int(self.plan["settings"]["epochs"])

    @property
    def finished(self) -> int:
        """How many experts have all their epochs."""
        return sum(len(expert) == self.epochs + 1 for expert in self.records[: self.count])

    @property
    def root(self) -> int:
        """What all random numbers of theirs derive from."""
        seed = int(self.plan["settings"]["seed"])
        return root_seed(seed, self.plan["store"]["split"]) if "streams" in self.plan else seed

    def doubt(self) -> str:
        """A line that warns of experts that have hardly learned; empty where they have."""
        ends = [expert[-1].loss for expert in self.records[: self.count] if expert]
        losses = [loss for loss in ends if loss is not None]
        guessing = math.log(int(self.plan["clips"]["classes"]))
        if not losses or sum(losses) / len(losses) <= LEARNED * guessing:
            return ""
        return (
            f"warning: the experts in {self.path} have hardly learned: their loss at the end is "
            f"{sum(losses) / len(losses):.3f}, and guessing gives {guessing:.3f}; train others with more "
            "--steps per epoch, more --epochs, smaller --batch or a larger --learning-rate"
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over all files of weights."""
        text = json.dumps([[epoch.sha256 for epoch in expert] for expert in self.records])
        return hashlib.sha256(text.encode()).hexdigest()

    def file(self, expert: int, epoch: int) -> Path:
        """The weights of an expert after `epoch` epochs."""
        return self.path / f"expert-{expert:03d}" / f"epoch-{epoch:03d}.safetensors"

    def weights(self, expert: int, epoch: int) -> Tensor:
        """The weights of an expert after `epoch` epochs: (weight,) float32.

        Raises:
            VidcondenseError: the file is missing, is not the one that was written, or holds something else.
        """
        file = self.file(expert, epoch)
        mend = "run the `vidcondense experts` that made the folder again, it replaces what is damaged"
        with files.refused(f"cannot read {file}", f"; {mend}"):
            data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != self.records[expert][epoch].sha256:
            raise VidcondenseError(f"{file} is damaged: its SHA-256 is not that of {INDEX}; {mend}")
        try:
            weights = from_bytes(data)["weights"]
        except (SafetensorError, KeyError) as error:
            raise VidcondenseError(f"{file} is not a file of weights ({error}); {mend}") from error
        count = sum(math.prod(shape) for _, shape in self.parameters)
        if weights.dtype != torch.float32 or weights.shape != (count,) or not weights.isfinite().all():
            raise VidcondenseError(f"{file} does not hold {count} finite float32 weights; {mend}")
        return weights

    def append(self, expert: int, weights: Tensor, loss: float | None, accuracy: float | None) -> None:
        """Write the next epoch of an expert, then the index."""
        epoch = len(self.records[expert])
        about = json.dumps({"expert": expert, "epoch": epoch})
        data = to_bytes({"weights": weights}, metadata={"vidcondense_expert": about})
        file = self.file(expert, epoch)
        files.make_folder(file.parent)
        files.write_bytes(file, data)
        self.records[expert].append(Epoch(loss, accuracy, hashlib.sha256(data).hexdigest()))
        self.save()

    def forget_damaged(self) -> None:
        """Drop from the index every epoch whose file is missing or damaged, and those after it."""
        for expert, record in enumerate(self.records):
            for epoch in range(len(record)):
                try:
                    self.weights(expert, epoch)
                except VidcondenseError:
                    del record[epoch:]
                    break

    def check(self, store: ClipStore, name: str, network: nn.Module) -> None:
        """Refuse experts that cannot serve: unfinished, of another store or split, or of another network.

        Args:
            store: the real videos, under the split that condensing uses.
            name: the recipe's network, and
            network: the same, built for the store's clips.
        """
        theirs = self.plan["store"]
        if (theirs["fingerprint"], theirs["split"]) != (store.fingerprint, store.split):
            raise VidcondenseError(
                f"the experts in {self.path} were trained on store {theirs['name']!r}, split "
                f"{theirs['split']}, which is not {store.path}, split {store.split}; train others with: "
                f"vidcondense experts {store.path} --split {store.split} --out FOLDER"
            )
        if self.plan["network"] != name:
            raise VidcondenseError(
                f"the experts in {self.path} are {self.plan['network']} networks, the recipe says {name}; "
                f"pass --set network={self.plan['network']} or train others"
            )
        if self.parameters != described(network):
            raise VidcondenseError(f"the experts in {self.path} are of another version of {name}")
        if self.finished < self.count:
            raise VidcondenseError(
                f"only {self.finished} of {self.count} experts in {self.path} are finished; run the "
                f"`vidcondense experts` that made it again"
            )


def described(network: nn.Module) -> list[tuple[str, list[int]]]:
    """Names and shapes of a network's weights, as the index has them."""
    return [(name, list(shape)) for name, shape in shapes(network).items()]


def start(path: Path, plan: dict[str, Any], network: nn.Module, versions: dict[str, str]) -> Experts:
    """A new folder, or the one that an earlier call left, without what is damaged in it.

    A folder with something else in it, or with experts made with other settings, is refused.
    """
    if not (path / INDEX).exists():
        return _empty(path, plan, network, versions)
    experts = Experts.open(path)
    if "streams" not in experts.plan:  # of an earlier version: they grow as they began
        plan = {key: value for key, value in plan.items() if key != "streams"}
    experts.plan["settings"].setdefault("steps", 0)
    held, wanted = ({**one, **one["settings"], "settings": None} for one in (experts.plan, plan))
    for name in GROWING:
        held[name] = max(held[name], wanted[name])
    refuse_difference(path, held, wanted)
    if experts.parameters != described(network):
        raise VidcondenseError(f"{path} holds experts of another version of {plan['network']}; {MEND}")
    experts.plan = plan
    experts.records += [[] for _ in range(experts.count - len(experts.records))]
    experts.forget_damaged()
    return experts


def start_anew(path: Path, plan: dict[str, Any], network: nn.Module, versions: dict[str, str]) -> Experts:
    """The same without the experts that are there: their weights are removed, and then the index replaced."""
    if (path / INDEX).exists():
        old = Experts.open(path)
        for number in range(len(old.records)):
            folder = old.file(number, 0).parent
            with files.refused(f"cannot remove {folder}"):
                shutil.rmtree(folder, ignore_errors=not folder.exists())
        experts = Experts(path, plan, described(network), versions, _no_records(plan))
    else:
        experts = _empty(path, plan, network, versions)
    experts.save()
    return experts


def _empty(path: Path, plan: dict[str, Any], network: nn.Module, versions: dict[str, str]) -> Experts:
    files.refuse_filled(path)
    return Experts(path, plan, described(network), versions, _no_records(plan))


def _no_records(plan: dict[str, Any]) -> list[list[Epoch]]:
    return [[] for _ in range(plan["settings"]["count"])]
