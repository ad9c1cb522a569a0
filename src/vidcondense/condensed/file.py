"""The file of a condensed set: safetensors with one JSON header (docs/format.md). Data only, no code."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Whole, parse, typed
from vidcondense.base.versions import refuse_newer
from vidcondense.condensed.storage import Storage

T = TypeVar("T")
FORMAT_VERSION = 2
PLAIN_VERSION = 1
"""Of files with frames in float32, which older versions of this program read too."""


class _Version(TypedDict):
    format_version: Whole


class Header(TypedDict):
    """The JSON header, without what each kind of content adds."""

    class_names: tuple[str, ...]
    frames: Whole
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    provenance: dict[str, Any]
    representation: NotRequired[str]
    learning_rate: NotRequired[float]
    storage: NotRequired[Storage]


def write(path: Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> int:
    """Write a file atomically; returns its size in bytes. The same content gives the same bytes."""
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One metadata entry only: safetensors writes several in no fixed order, and the bytes must not vary.
    text = files.to_utf8(json.dumps(header, sort_keys=True, ensure_ascii=False)).decode()
    try:
        parse(text)
    except ValueError as error:
        raise VidcondenseError(f"cannot write {path}: nobody could read its header ({error})") from error
    data = to_bytes(stored, metadata={"vidcondense": text})
    files.write_bytes(path, data)
    return len(data)


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


def begins(data: bytes) -> bool:
    """Whether a file that begins with these bytes is a condensed set."""
    return data[8:].startswith(b'{"__metadata__":{"vidcondense":')


def check_version(header: Mapping[str, Any]) -> None:
    """Refuse a file of another format."""
    version = typed(header, _Version)["format_version"]
    provenance = header.get("provenance")
    versions = provenance.get("versions") if isinstance(provenance, dict) else None
    refuse_newer("it", version, FORMAT_VERSION, versions)
    if version < PLAIN_VERSION:
        raise VidcondenseError(f"there is no format version {version}")
