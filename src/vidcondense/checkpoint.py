"""Resumable state of a run: one safetensors file, data only."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidcondense import files, plain
from vidcondense.errors import VidcondenseError


class _Numbers(TypedDict):
    iteration: int
    seconds: float
    metrics_bytes: int


@dataclass(frozen=True)
class Checkpoint:
    """Everything that the next iteration depends on.

    Attributes:
        iteration: the next one to run.
        seconds: of condensing so far.
        metrics_bytes: length of metrics.jsonl at this point; what came later is cut off on resume.
        tensors: by owner ("synthetic", "insertion", "optimiser") and name.
    """

    iteration: int
    seconds: float
    metrics_bytes: int
    tensors: dict[str, dict[str, Tensor]]

    def save(self, path: Path) -> None:
        """Write atomically."""
        flat = {
            f"{owner}.{name}": tensor.detach().cpu().contiguous()
            for owner, tensors in self.tensors.items()
            for name, tensor in tensors.items()
        }
        numbers = {"iteration": self.iteration, "seconds": self.seconds, "metrics_bytes": self.metrics_bytes}
        files.write_bytes(path, save(flat, metadata={"checkpoint": json.dumps(numbers)}))

    @staticmethod
    def load(path: Path) -> "Checkpoint":
        """Read a checkpoint.

        Raises:
            VidcondenseError: the file is missing, cut short or not a checkpoint.
        """
        tensors: dict[str, dict[str, Tensor]] = {}
        try:
            with safe_open(path, framework="pt") as file:
                numbers = plain.parse((file.metadata() or {})["checkpoint"])
                plain.expect(numbers, _Numbers)
                if min(numbers["iteration"], numbers["metrics_bytes"]) < 0:
                    raise ValueError("a number below 0")
                for key in file.keys():  # noqa: SIM118
                    owner, name = key.split(".", 1)
                    tensors.setdefault(owner, {})[name] = file.get_tensor(key)
        except (SafetensorError, OSError, RuntimeError, KeyError, ValueError, VidcondenseError) as error:
            raise VidcondenseError(
                f"{path} is not a usable checkpoint ({error}); start the run again"
            ) from error
        return Checkpoint(numbers["iteration"], numbers["seconds"], numbers["metrics_bytes"], tensors)
