"""Arrays for NumPy, JAX or TensorFlow: the very numbers that networks are trained on."""

import io
import json
from collections.abc import Iterator

import numpy as np
from numpy.lib import format as npy

from vidcondense.base.files import to_utf8
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.export.clips import Choices, File, Row


def as_arrays(condensed: CondensedVideos, choices: Choices) -> Iterator[File]:
    """clips.npy (clip, time, 3, height, width) float32, normalised; labels.npy (clip,) int64; about.json.

    about.json has `class_names`, `mean` and `std`; pixels are `(clips * std + mean) * 255`, rounded and
    clipped. Where labels were learned, targets.npy or soft_labels.npy (clip, class) is there too.
    """
    keys, labels = condensed.key_positions(), condensed.labels.tolist()
    rows: list[Row] = [
        {
            "class": condensed.class_names[label],
            "label": label,
            "video": clip,
            "kind": "clip",
            "key_positions": " ".join(map(str, keys[clip])),
        }
        for clip, label in enumerate(labels)
    ]
    yield File("clips.npy", _clips(condensed), rows)
    beside = {"labels": condensed.labels, "targets": condensed.targets, "soft_labels": condensed.soft_labels}
    for name, values in beside.items():
        if values is not None:
            target = io.BytesIO()
            np.save(target, values.numpy(), allow_pickle=False)
            yield File(f"{name}.npy", [target.getvalue()])
    about = {"class_names": condensed.class_names, "mean": condensed.mean, "std": condensed.std}
    yield File("about.json", [to_utf8(json.dumps(about, ensure_ascii=False) + "\n")])


def _clips(condensed: CondensedVideos) -> Iterator[bytes]:
    """The file of all clips, which are rendered one at a time: they may be more than memory holds."""
    shape = (len(condensed), condensed.frames, 3, *condensed.size)
    header = io.BytesIO()
    npy.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    yield header.getvalue()
    for clip in range(len(condensed)):
        yield condensed.render([clip])[0].contiguous().numpy().astype("<f4").tobytes()
