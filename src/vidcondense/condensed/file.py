"""The file of a condensed set: safetensors with one JSON header (docs/format.md). Data only, no code."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import Whole, parse, typed
from vidcondense.base.versions import refuse_newer
from vidcondense.condensed.base import CondensedVideos, Storage, expect
from vidcondense.condensed.key_frames import KeyFrameVideos
from vidcondense.condensed.static_dynamic import StaticDynamicVideos
from vidcondense.condensed.storage import decode, encode

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


REPRESENTATIONS: dict[str, type[CondensedVideos]] = {
    kind.representation: kind for kind in (KeyFrameVideos, StaticDynamicVideos)
}


def save(condensed: CondensedVideos, path: Path) -> int:
    """Write the file atomically; returns its size in bytes. The same content gives the same bytes."""
    header = {
        "format_version": PLAIN_VERSION if condensed.storage == "float32" else FORMAT_VERSION,
        "representation": condensed.representation,
        "class_names": condensed.class_names,
        "frames": condensed.frames,
        "mean": condensed.mean,
        "std": condensed.std,
        "provenance": condensed.provenance,
        **condensed.content_header(),
    }
    if condensed.learning_rate is not None:
        header["learning_rate"] = condensed.learning_rate
    if condensed.storage != "float32":
        header["storage"] = condensed.storage
    encoded = encode(condensed.tensors(), condensed.frame_tensors, condensed.storage)
    tensors = {"labels": condensed.labels, **encoded}
    if condensed.targets is not None:
        tensors["targets"] = condensed.targets
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One metadata entry only: safetensors writes several in no fixed order, and the bytes must not vary.
    text = files.to_utf8(json.dumps(header, sort_keys=True, ensure_ascii=False)).decode()
    data = to_bytes(tensors, metadata={"vidcondense": text})
    files.write_bytes(path, data)
    return len(data)


def load(path: Path) -> CondensedVideos:
    """Read a file written by `save`.

    Raises:
        VidcondenseError: the file is missing, cut short, of another format, or its shapes do not fit.
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
        return _parse(tensors, parse(metadata["vidcondense"]))
    except (KeyError, ValueError, TypeError, RuntimeError, IndexError) as error:
        raise VidcondenseError(f"{path} has a damaged header or is missing a tensor ({error})") from error
    except VidcondenseError as error:
        raise VidcondenseError(f"{path}: {error}") from error


def _parse(tensors: Mapping[str, Tensor], values: Any) -> CondensedVideos:
    values = typed(values, dict[str, Any])
    _check_version(values)
    header = typed(values, Header)
    representation = header.get("representation", KeyFrameVideos.representation)
    if representation not in REPRESENTATIONS:
        raise VidcondenseError(
            f"it stores {representation!r}; this vidcondense reads {', '.join(REPRESENTATIONS)}"
        )
    kind = REPRESENTATIONS[representation]
    storage = header.get("storage", "float32")
    tensors = decode(tensors, kind.frame_tensors, storage)
    return kind(
        labels=expect(tensors, "labels", torch.int64),
        class_names=header["class_names"],
        frames=header["frames"],
        mean=header["mean"],
        std=header["std"],
        provenance=header["provenance"],
        targets=expect(tensors, "targets", torch.float32) if "targets" in tensors else None,
        learning_rate=header.get("learning_rate"),
        storage=storage,
        **kind.content(tensors, values),
    )


def _check_version(header: Mapping[str, Any]) -> None:
    version = typed(header, _Version)["format_version"]
    provenance = header.get("provenance")
    versions = provenance.get("versions") if isinstance(provenance, dict) else None
    refuse_newer("it", version, FORMAT_VERSION, versions)
    if version < PLAIN_VERSION:
        raise VidcondenseError(f"there is no format version {version}")
