"""The file of a condensed set: safetensors with one JSON header (docs/format.md). Data only, no code."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from vidcondense import files
from vidcondense.condensed.base import CondensedVideos, Storage, expect
from vidcondense.condensed.key_frames import KeyFrameVideos
from vidcondense.condensed.static_dynamic import StaticDynamicVideos
from vidcondense.condensed.storage import decode, encode
from vidcondense.errors import VidcondenseError

FORMAT_VERSION = 2
PLAIN_VERSION = 1
"""Of files with frames in float32, which older versions of this program read too."""

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
    data = to_bytes(tensors, metadata={"vidcondense": json.dumps(header, sort_keys=True, ensure_ascii=False)})
    files.write_bytes(path, data)
    return len(data)


def load(path: Path) -> CondensedVideos:
    """Read a file written by `save`.

    Raises:
        VidcondenseError: the file is missing, cut short, of another format, or its shapes do not fit.
    """
    if not path.is_file():
        raise VidcondenseError(f"no condensed file at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise VidcondenseError(f"{path} cannot be read ({error}); it is cut short or not ours") from error
    if "vidcondense" not in metadata:
        raise VidcondenseError(f"{path} is a safetensors file, but not one that vidcondense wrote")
    try:
        return _parse(tensors, json.loads(metadata["vidcondense"]))
    except (KeyError, ValueError, TypeError, RuntimeError, IndexError) as error:
        raise VidcondenseError(f"{path} has a damaged header or is missing a tensor ({error})") from error
    except VidcondenseError as error:
        raise VidcondenseError(f"{path}: {error}") from error


def _parse(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> CondensedVideos:
    if header["format_version"] not in (PLAIN_VERSION, FORMAT_VERSION):
        raise VidcondenseError(
            f"format version {header['format_version']}; this vidcondense reads up to {FORMAT_VERSION}: "
            "install a newer one"
        )
    storage = header.get("storage", "float32")
    if storage not in get_args(Storage):
        raise VidcondenseError(f"storage must be one of {', '.join(get_args(Storage))}, not {storage!r}")
    representation = header.get("representation", KeyFrameVideos.representation)
    if representation not in REPRESENTATIONS:
        raise VidcondenseError(
            f"it stores {representation!r}; this vidcondense reads {', '.join(REPRESENTATIONS)}"
        )
    for name in ("mean", "std"):
        if len(header[name]) != 3 or not all(math.isfinite(number) for number in header[name]):
            raise VidcondenseError(f"{name} must be three numbers, not {header[name]!r}")
    if not all(isinstance(name, str) for name in header["class_names"]):
        raise VidcondenseError("class_names must be texts")
    if not isinstance(header["provenance"], dict):
        raise VidcondenseError("provenance must be an object")
    kind = REPRESENTATIONS[representation]
    tensors = decode(tensors, kind.frame_tensors, storage)
    learning_rate = header.get("learning_rate")
    return kind(
        labels=expect(tensors, "labels", torch.int64),
        class_names=tuple(header["class_names"]),
        frames=int(header["frames"]),
        mean=tuple(header["mean"]),
        std=tuple(header["std"]),
        provenance=header["provenance"],
        targets=expect(tensors, "targets", torch.float32) if "targets" in tensors else None,
        learning_rate=None if learning_rate is None else float(learning_rate),
        storage=storage,
        **kind.content(tensors, header),
    )
