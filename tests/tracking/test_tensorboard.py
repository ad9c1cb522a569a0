"""TensorBoard's own reader finds what was shown, also after a run went on."""

import io
import socket
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vidcondense.tracking import Audience

pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def read(folder: Path) -> Any:
    return EventAccumulator(str(folder / "tracking" / "condense")).Reload()


def steps(found: Any, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def test_metrics_clips_and_settings_are_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    frames = np.random.default_rng(0).integers(0, 4, (5, 12, 18, 3), dtype=np.uint8) * 80
    audience = Audience.of("tensorboard", tmp_path, "walks", "condense")
    with audience.follow({"recipe": {"name": "dm"}}, show=False) as tracking:
        for step in range(4):
            tracking.metrics(step, {"loss": 4.0 - step, "key_frames": 6})
        tracking.clips(3, lambda: frames)
    found = read(tmp_path)
    assert steps(found, "loss") == [(0, 4.0), (1, 3.0), (2, 2.0), (3, 1.0)]
    assert steps(found, "key_frames")[-1] == (3, 6.0)
    (image,) = found.Images("clips")
    assert (image.step, image.width, image.height) == (3, 18, 12)
    with av.open(io.BytesIO(image.encoded_image_string)) as gif:
        shown = np.stack([frame.to_ndarray(format="rgb24") for frame in gif.decode(video=0)])
    assert shown.shape == frames.shape
    settings = found.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()
    assert 'recipe.name = "dm"' in settings


def test_a_run_that_goes_on_takes_back_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    audience = Audience.of("tensorboard", tmp_path, "walks", "condense")
    for first, last, value in ((0, 6, 1.0), (3, 8, 2.0)):
        with audience.follow({}, first, show=False) as tracking:
            for step in range(first, last):
                tracking.metrics(step, {"loss": value})
    wanted = [*((step, 1.0) for step in range(3)), *((step, 2.0) for step in range(3, 8))]
    assert steps(read(tmp_path), "loss") == wanted
    with audience.follow({}, show=False) as tracking:  # anew
        tracking.metrics(0, {"loss": 3.0})
    assert steps(read(tmp_path), "loss") == [(0, 3.0)]
