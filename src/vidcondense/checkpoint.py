"""Resumable state of a run: one safetensors file, data only."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidcondense import files
from vidcondense.errors import VidcondenseError


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
                numbers: dict[str, Any] = json.loads((file.metadata() or {})["checkpoint"])
                values = int(numbers["iteration"]), float(numbers["seconds"]), int(numbers["metrics_bytes"])
                for key in file.keys():  # noqa: SIM118
                    owner, name = key.split(".", 1)
                    tensors.setdefault(owner, {})[name] = file.get_tensor(key)
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise VidcondenseError(
                f"{path} is not a usable checkpoint ({error}); start the run again"
            ) from error
        return Checkpoint(*values, tensors)
