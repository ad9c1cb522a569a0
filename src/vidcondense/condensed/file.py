"""The file of a condensed set: safetensors with one JSON header (docs/format.md). Data only, no code."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import parse
from vidcondense.condensed.header import RESULT

T = TypeVar("T")


def packed(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> bytes:
    """The bytes of a file. The same content gives the same bytes.

    Raises:
        VidcondenseError: nobody could read the header.
    """
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One metadata entry only: safetensors writes several in no fixed order, and the bytes must not vary.
    text = files.to_utf8(
        json.dumps(header, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    ).decode()
    try:
        parse(text)
    except ValueError as error:
        raise VidcondenseError(f"nobody could read its header ({error})") from error
    return to_bytes(stored, metadata={"vidcondense": text})


def located(path: Path) -> Path:
    """The condensed file that a path of one, or of a run folder, means.

    Raises:
        VidcondenseError: a run that has no result yet.
    """
    if not path.is_dir():
        return path
    found = path / RESULT
    if not found.is_file() and (path / "run.json").is_file():
        raise VidcondenseError(f"the run in {path} is not finished; call vidcondense.resume({str(path)!r})")
    return found


def read(path: Path, make: Callable[[Mapping[str, Tensor], Any], T]) -> T:
    """What `make` makes of the tensors and the header of a file; errors name the file.

    Raises:
        VidcondenseError: the file is missing, cut short or of another format, or `make` refuses it.
    """
    if not path.is_file():
        raise VidcondenseError(f"no condensed file at {path}")
    files.check_readable(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError) as error:  # PyTorch gives reasons as RuntimeError
        raise VidcondenseError(f"{path} cannot be read ({error}); it is cut short or not ours") from error
    if "vidcondense" not in metadata:
        raise VidcondenseError(f"{path} is a safetensors file, but not one that vidcondense wrote")
    try:
        return make(tensors, parse(metadata["vidcondense"]))
    except (KeyError, ValueError, TypeError, RuntimeError, IndexError) as error:
        raise VidcondenseError(f"{path} has a damaged header or is missing a tensor ({error})") from error
    except VidcondenseError as error:
        raise VidcondenseError(f"{path}: {error}") from error
