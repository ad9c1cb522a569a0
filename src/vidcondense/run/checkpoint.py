"""Resumable state of a run: one safetensors file, data only."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Count, parse, typed

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""As safetensors calls them."""


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
            f"{owner}.{name}": tensor
            for owner, tensors in self.tensors.items()
            for name, tensor in tensors.items()
        }
        numbers = {name: getattr(self, name) for name in ("iteration", "seconds", "metrics_bytes", "run")}
        files.write_parts(path, _safetensors(flat, {"checkpoint": json.dumps(numbers)}))

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


def _safetensors(tensors: dict[str, Tensor], metadata: dict[str, str]) -> Iterator[bytes | memoryview]:
    """The content of a safetensors file, one tensor after another.

    The library's own writer leaves a temporary file of its own beside the checkpoint where it is killed, and
    wants all tensors contiguous in memory beside the state (176 MiB: 44 to 103 MiB more, against 15 to 30).
    """
    wide_first = sorted(tensors.items(), key=lambda item: -item[1].itemsize)  # so that all are aligned
    header: dict[str, object] = {"__metadata__": metadata}
    end = 0
    for name, tensor in wide_first:
        offsets = [end, end := end + tensor.nbytes]
        kind = DTYPES[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": offsets}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for _, tensor in wide_first:
        yield tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data
