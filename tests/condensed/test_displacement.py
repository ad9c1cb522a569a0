"""Displaced key frames: warping against a loop over pixels, the parts of a clip, and the artifact."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos, DisplacedVideos, merge
from vidcondense.condensed.displacement import displaced, parts, warp


def bilinear(values: np.ndarray, y: float, x: float) -> float:
    """The value between four others, places beyond the edges being those at the edges."""
    y, x = min(max(y, 0), values.shape[0] - 1), min(max(x, 0), values.shape[1] - 1)
    top, left = min(int(y), values.shape[0] - 2), min(int(x), values.shape[1] - 2)
    a, b = y - top, x - left
    upper = (1 - b) * values[top, left] + b * values[top, left + 1]
    lower = (1 - b) * values[top + 1, left] + b * values[top + 1, left + 1]
    return float((1 - a) * upper + a * lower)


def slow_warp(frame: np.ndarray, field: np.ndarray) -> np.ndarray:
    """One frame (channel, height, width) by one field (2, rows, columns), pixel by pixel."""
    made = np.empty_like(frame)
    height, width = frame.shape[1:]
    rows, columns = field.shape[1:]
    for y, x in np.ndindex(height, width):
        node = y / (height - 1) * (rows - 1), x / (width - 1) * (columns - 1)
        right, down = (bilinear(field[axis], *node) for axis in (0, 1))
        for channel in range(len(frame)):
            made[channel, y, x] = bilinear(frame[channel], y + down * height, x + right * width)
    return made


def make(videos: int = 2, storage: str = "float32") -> DisplacedVideos:
    """Videos of 6 frames: key frames at 1 and 4, then a video with one at 2."""
    rng = torch.Generator().manual_seed(0)
    keys = [[1, 4], [2]] * (videos // 2)
    return DisplacedVideos(
        key_frames=torch.randn(sum(map(len, keys)), 3, 5, 7, generator=rng),
        positions=torch.tensor([time for video in keys for time in video]),
        counts=torch.tensor([len(video) for video in keys]),
        fields=0.3 * torch.randn((1 + 4 + 1 + 5) * videos // 2, 2, 3, 4, generator=rng),
        labels=torch.arange(videos),
        class_names=tuple("abcd"[:videos]),
        frames=6,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        storage=storage,  # type: ignore[arg-type]
    )


def test_a_warp_is_that_of_a_loop_over_pixels() -> None:
    rng = torch.Generator().manual_seed(1)
    frames, fields = torch.randn(3, 2, 5, 7, generator=rng), torch.randn(3, 2, 3, 4, generator=rng)
    fields[:2] *= 0.2  # the last looks far beyond the edges
    made = warp(frames, fields)
    for number in range(3):
        expected = slow_warp(frames[number].double().numpy(), fields[number].double().numpy())
        np.testing.assert_allclose(made[number].numpy(), expected, atol=1e-4)


def test_a_field_to_the_right_shows_what_is_on_the_right() -> None:
    frames = torch.arange(8.0).expand(1, 1, 8, 8)
    field = torch.zeros(1, 2, 2, 2)
    field[:, 0] = 2 / 8
    assert warp(frames, field)[0, 0, 3].tolist() == pytest.approx([2, 3, 4, 5, 6, 7, 7, 7], abs=1e-4)
    assert torch.allclose(warp(frames, 0 * field), frames, atol=1e-5)


def test_parts_are_the_neighbours_weighted_by_their_distance() -> None:
    times, keys, weights = parts([1, 4], 6)
    assert times.tolist() == [0, 2, 2, 3, 3, 5]
    assert keys.tolist() == [0, 0, 1, 0, 1, 1]
    assert weights.tolist() == pytest.approx([1, 2 / 3, 1 / 3, 1 / 3, 2 / 3, 1])
    assert parts([2], 5).keys.tolist() == [0] * 4
    assert parts(range(3), 3).times.tolist() == []


def test_a_clip_is_the_cross_fade_of_warped_key_frames() -> None:
    made = make()
    keys, fields = made.key_frames.double().numpy(), made.fields.double().numpy()
    clips = made.render().numpy()
    first, second = keys[0], keys[1]
    expected = [
        slow_warp(first, fields[0]),
        first,
        2 / 3 * slow_warp(first, fields[1]) + 1 / 3 * slow_warp(second, fields[2]),
        1 / 3 * slow_warp(first, fields[3]) + 2 / 3 * slow_warp(second, fields[4]),
        second,
        slow_warp(second, fields[5]),
    ]
    np.testing.assert_allclose(clips[0], np.stack(expected), atol=1e-4)
    np.testing.assert_allclose(clips[1, 5], slow_warp(keys[2], fields[10]), atol=1e-4)
    assert torch.equal(made.render([1])[0], made.render()[1])
    assert made.key_positions() == [[1, 4], [2]]


def test_without_displacement_frames_are_cross_faded() -> None:
    keys = torch.randn(2, 2, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    made = displaced(keys, torch.zeros(2, 4, 2, 2, 2), [0, 3], 4)
    times = torch.arange(4).view(1, 4, 1, 1, 1) / 3
    torch.testing.assert_close(made, (1 - times) * keys[:, :1] + times * keys[:, 1:], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("storage", "bound"), [("float32", 0), ("float16", 0.01), ("uint8", 0.1)])
def test_what_is_saved_is_what_is_loaded(storage: str, bound: float, tmp_path: Path) -> None:
    path, again = tmp_path / "file", tmp_path / "again"
    made = make(storage=storage)
    size = made.save(path)
    loaded = CondensedVideos.load(path)
    assert isinstance(loaded, DisplacedVideos)
    assert (loaded.render() - made.render()).abs().max() <= bound
    loaded.save(again)
    if storage != "uint8":  # whose scales are rounded anew
        assert again.read_bytes() == path.read_bytes()
    values = 3 * 3 * 35 + 11 * 2 * 12
    assert made.stored_values == made.content_values == values
    width = {"float32": 4, "float16": 2, "uint8": 1}[storage]
    beside = 8 * (3 + 2 + 2) + (storage == "uint8") * 8 * (3 + 11)
    tensors = sum(value.nbytes for value in load_file(path).values())
    assert tensors == width * values + beside < size
    with safe_open(path, framework="pt") as file:  # files of other versions must go by the same name
        header = json.loads(file.metadata()["vidcondense"])
    assert header["representation"] == "displaced"
    assert header["content_bytes"] == 4 * values
    assert "3 key frames (1.50 per video) and 11 displacement fields of 3 x 4" in loaded.holds


def test_sets_are_cut_and_merged() -> None:
    made = make(4)
    cut = made.select(["c", "b"])
    torch.testing.assert_close(cut.render(), made.render()[[2, 1]])
    both = merge([made.select(["a", "d"]), made.select(["b", "c"])], ["a", "b", "c", "d"])
    assert torch.equal(both.render(), made.render())


@pytest.mark.parametrize(
    ("tensor", "value", "message"),
    [
        ("key_frames", torch.zeros(3, 2, 5, 7), r"key_frames must be \(key frame, 3"),
        ("key_frames", torch.full((3, 3, 5, 7), torch.nan), "key_frames hold values that are not finite"),
        ("positions", torch.tensor([4, 1, 2]), r"ascend within 0\.\.5, not \[4, 1\]"),
        ("positions", torch.tensor([1, 6, 2]), r"ascend within 0\.\.5, not \[1, 6\]"),
        ("positions", torch.tensor([1, 4]), "do not match the number"),
        ("counts", torch.tensor([3, 0]), "every video needs at least one key frame"),
        ("counts", torch.tensor([2, 2]), "do not match the number"),
        ("fields", torch.zeros(10, 2, 3, 4), r"fields must be \(11, 2, rows, columns\)"),
        ("fields", torch.zeros(11, 2, 1, 4), "of 2 or more"),
        ("fields", torch.full((11, 2, 3, 4), math.inf), "fields hold values that are not finite"),
    ],
)
def test_files_with_wrong_tensors_are_refused(
    tensor: str, value: torch.Tensor, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    make().save(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    save_file({**load_file(path), tensor: value}, path, metadata=metadata)
    with pytest.raises(VidcondenseError, match=f"{path}: .*{message}"):
        CondensedVideos.load(path)


def test_a_set_without_videos_is_refused() -> None:
    with pytest.raises(VidcondenseError, match="labels must hold"):
        replace(make(), labels=torch.zeros(0, dtype=torch.int64))
