"""Resumable state of a run: one safetensors file, data only."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Count, parse, typed


class _Numbers(TypedDict):
    iteration: Count
    seconds: float
    metrics_bytes: Count
    run: NotRequired[str]


@dataclass(frozen=True)
class Checkpoint:
    """Everything that the next iteration depends on.

    Attributes:
        iteration: the next one to run.
        seconds: of condensing so far.
        metrics_bytes: length of metrics.jsonl at this point; what came later is cut off on resume.
        tensors: by owner ("synthetic", "insertion", "optimiser") and name.
        run: what tells its run from others, see `RunFolder.identity`; "" in files of earlier versions.
    """

    iteration: int
    seconds: float
    metrics_bytes: int
    tensors: dict[str, dict[str, Tensor]]
    run: str = ""

    def save(self, path: Path) -> None:
        """Write atomically."""
        flat = {
            f"{owner}.{name}": tensor.detach().cpu().contiguous()
            for owner, tensors in self.tensors.items()
            for name, tensor in tensors.items()
        }
        numbers = {name: getattr(self, name) for name in ("iteration", "seconds", "metrics_bytes", "run")}
        with files.replacing(path) as temporary:
            try:
                save_file(flat, temporary, metadata={"checkpoint": json.dumps(numbers)})
            except SafetensorError as error:
                raise VidcondenseError(f"cannot write {path}: {error}") from error

    @staticmethod
    def load(path: Path) -> "Checkpoint":
        """Read a checkpoint; what cannot be read, is cut short or no checkpoint is refused."""
        tensors: dict[str, dict[str, Tensor]] = {}
        files.check_readable(path)
        try:
            with safe_open(path, framework="pt") as file:
                numbers = typed(parse((file.metadata() or {})["checkpoint"]), _Numbers)
                for key in file.keys():  # noqa: SIM118
                    owner, name = key.split(".", 1)
                    tensors.setdefault(owner, {})[name] = file.get_tensor(key)
        except (SafetensorError, OSError, RuntimeError, KeyError, ValueError, VidcondenseError) as error:
            raise VidcondenseError(
                f"{path} is not a usable checkpoint ({error}); start the run again"
            ) from error
        return Checkpoint(**numbers, tensors=tensors)
