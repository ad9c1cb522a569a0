"""A condensed set taken apart into the header and the tensors of its file, and put together again."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import typed
from vidcondense.condensed.header import FORMAT_VERSION, OLDER_VERSIONS, QUALITY, Header, check_version
from vidcondense.condensed.storage import Coding, decode, encode, expect

if TYPE_CHECKING:
    from vidcondense.condensed.base import CondensedVideos


def apart(condensed: "CondensedVideos") -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header of a set's file, and its tensors by name, frames as its `storage` holds them.

    Raises:
        VidcondenseError: frames cannot be stored so.
    """
    newer = condensed.shown is not None or condensed.soft_labels is not None
    older = None if newer else OLDER_VERSIONS.get(condensed.storage)
    header: dict[str, Any] = {
        "format_version": older or FORMAT_VERSION,
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
        whole = int(condensed.quality)
        header |= {"quality": whole if whole == condensed.quality else condensed.quality, "shapes": shapes}
    labelled = {**content, "labels": condensed.labels}
    tensors = encode(labelled, condensed.frame_tensors, condensed.storage, _coding(condensed))
    beside = {"targets": condensed.targets, "soft_labels": condensed.soft_labels}
    return header, tensors | {name: value for name, value in beside.items() if value is not None}


def _coding(condensed: "CondensedVideos") -> Coding:
    rows = condensed.rows_per_video() if condensed.storage == "av1" else {}
    attributes = {name: condensed.tensor_types[name][0] for name in condensed.frame_tensors}
    return Coding(
        rows={name: rows[one].tolist() for name, one in attributes.items() if one in rows},
        mean=condensed.mean,
        std=condensed.std,
        quality=condensed.quality,
        finer=condensed.finer,
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
        targets=expect(tensors, "targets", torch.float32) if "targets" in tensors else None,
        soft_labels=expect(tensors, "soft_labels", torch.uint8) if "soft_labels" in tensors else None,
        learning_rate=header.get("learning_rate"),
        shown=header.get("shown"),
        storage=storage,
        quality=header.get("quality", QUALITY),
        known=coded,
        **own,
        **kind.content_settings(values),
    )
