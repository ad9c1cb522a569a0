"""A condensed set taken apart into the header and the tensors of its file, and put together again."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import typed
from vidcondense.condensed.header import (
    ADDED_VERSION,
    PLAIN_VERSION,
    QUALITY,
    VERSIONS,
    Header,
    Storage,
    check_version,
)
from vidcondense.condensed.storage import Coding, decode, encode, expect

MOST_BYTE = 255

if TYPE_CHECKING:
    from vidcondense.condensed.base import CondensedVideos


def apart(condensed: "CondensedVideos") -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header of a set's file, and its tensors by name, frames as its `storage` holds them.

    Raises:
        VidcondenseError: frames cannot be stored so.
    """
    added = condensed.shown is not None or condensed.soft_labels is not None
    header: dict[str, Any] = {
        "format_version": max(VERSIONS[condensed.storage], ADDED_VERSION if added else PLAIN_VERSION),
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
    if condensed.shown is not None:
        header["shown"] = condensed.shown
    if condensed.storage != "float32":
        header["storage"] = condensed.storage
    content = condensed.tensors()
    if condensed.storage == "av1":
        shapes = {name: list(content[name].shape) for name in condensed.frame_tensors}
        quality = float(condensed.quality)
        header |= {"quality": int(quality) if quality.is_integer() else quality, "shapes": shapes}
    beside = {"labels": condensed.labels, "targets": condensed.targets, "soft_labels": condensed.soft_labels}
    whole = content | {name: value for name, value in beside.items() if value is not None}
    return header, encode(whole, condensed.frame_tensors, condensed.storage, _coding(condensed))


def _coding(condensed: "CondensedVideos") -> Coding:
    rows = condensed.rows_per_video() if condensed.storage == "av1" else {}
    attributes = {name: condensed.tensor_types[name][0] for name in condensed.frame_tensors}
    return Coding(
        rows={name: rows[one].tolist() for name, one in attributes.items() if one in rows},
        mean=condensed.mean,
        std=condensed.std,
        quality=condensed.quality,
        finer=condensed.finer,
        tiles=condensed.tiles,
        known=condensed.known,
    )


def together(
    kinds: Mapping[str, type["CondensedVideos"]], tensors: Mapping[str, Tensor], values: Any
) -> "CondensedVideos":
    """The set that `apart` took apart.

    Args:
        kinds: by the `representation` that a header names.
        tensors: of the file.
        values: its header.

    Raises:
        VidcondenseError, KeyError, ValueError: what the file holds is no such set.
    """
    values = typed(values, dict[str, Any])
    check_version(values)
    header = typed(values, Header)
    name = header.get("representation", "key_frames")
    if name not in kinds:
        raise VidcondenseError(f"it stores {name!r}; this vidcondense reads {', '.join(kinds)}")
    kind = kinds[name]
    storage = header.get("storage", "float32")
    coding = Coding(mean=header["mean"], std=header["std"])
    content, coded = decode(tensors, kind.frame_tensors, storage, coding, header.get("shapes", {}))
    own: dict[str, Any] = {
        attribute: expect(content, key, dtype) for key, (attribute, dtype) in kind.tensor_types.items()
    }
    return kind(
        labels=expect(content, "labels", torch.int64),
        class_names=header["class_names"],
        frames=header["frames"],
        mean=header["mean"],
        std=header["std"],
        provenance=header["provenance"],
        targets=expect(content, "targets", torch.float32) if "targets" in content else None,
        soft_labels=_bytes(content, "soft_labels", storage) if "soft_labels" in content else None,
        learning_rate=header.get("learning_rate"),
        shown=header.get("shown"),
        storage=storage,
        quality=header.get("quality", QUALITY),
        known=coded,
        **own,
        **kind.content_settings(values),
    )


def _bytes(content: Mapping[str, Tensor], name: str, storage: Storage) -> Tensor:
    """A tensor of bytes, which beside coded video has been read as whole numbers."""
    if storage != "av1":
        return expect(content, name, torch.uint8)
    values = expect(content, name, torch.int64)
    if int(values.min()) < 0 or int(values.max()) > MOST_BYTE:
        raise VidcondenseError(f"tensor {name!r} has values beyond a byte")
    return values.to(torch.uint8)
