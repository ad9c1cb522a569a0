"""Optical flow of clips whose motion is known."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from moving import SIZE, moving
from torch import Tensor

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark import flow
from vidcondense.condensed import KeyFrameVideos
from vidcondense.data.store import ClipStore


@pytest.fixture
def opencv() -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'vidcondense[flow]'")


def timed(clips: Tensor) -> Iterator[tuple[Tensor, range]]:
    """A batch of clips with the times of all their frames."""
    return iter([(clips, range(clips.shape[1]))])


def stored(clip: Tensor, times: list[int], label: int = 0) -> KeyFrameVideos:
    """A condensed set of one clip, of which the frames at `times` are stored."""
    pixels = clip[0].float() / 255
    return KeyFrameVideos(
        key_frames=(pixels[times] - 0.5) / 0.25,
        positions=torch.tensor(times),
        counts=torch.tensor([len(times)]),
        labels=torch.tensor([label]),
        class_names=("one", "two"),
        frames=len(pixels),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
    )


@pytest.mark.usefixtures("opencv")
@pytest.mark.parametrize("times", [[0, 2, 4], [0, 1, 4], [0, 1, 2, 3, 4]])
def test_flow_of_a_condensed_clip_is_between_its_stored_frames(times: list[int]) -> None:
    """Pixels per frame, however far the stored frames lie apart, and not of the fade between them."""
    found = flow.condensed_flow(stored(moving(1, -1, frames=5), times), 0)
    assert np.abs(found[8:-8, 8:-8] - np.array([1, -1])).mean() < 0.15
    jumps = moving(3, 0, frames=5)[:, [0, 1, 1, 1, 1]]  # once by 3 pixels, in 4 frames
    found = flow.condensed_flow(stored(jumps, [0, 1, 4]), 0)
    assert np.abs(found[8:-8, 8:-8] - np.array([3 / 4, 0])).mean() < 0.15


def test_interpolated_frames_take_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = moving(1, -1, frames=5)
    monkeypatch.setattr(flow, "mean_flow", list)
    ((frames, times),) = flow.condensed_flow(stored(clip, [0, 3, 4]), 0)
    assert torch.equal(frames, clip[:, [0, 3, 4]])
    assert times == [0, 3, 4]
    assert flow.condensed_flow(stored(clip, [0, 4], label=1), 0) == []


@pytest.mark.usefixtures("opencv")
def test_a_single_stored_frame_stands_still() -> None:
    assert not flow.condensed_flow(stored(moving(2, 0), [1]), 0).any()


@pytest.mark.usefixtures("opencv")
@pytest.mark.parametrize(("right", "down"), [(2, 0), (-1, 0), (0, 2), (1, -2), (0, 0)])
def test_a_translation_is_recovered(right: int, down: int) -> None:
    found = flow.mean_flow(timed(moving(right, down)))
    assert found.shape == (SIZE, SIZE, 2)
    inner = found[8:-8, 8:-8]
    assert np.abs(inner - np.array([right, down])).mean() < 0.15


@pytest.mark.usefixtures("opencv")
def test_the_mean_is_over_clips_and_time() -> None:
    there, back = moving(2, 0), moving(-2, 0)
    both = flow.mean_flow(timed(torch.cat([there, back])))
    apart = (flow.mean_flow(timed(there)) + flow.mean_flow(timed(back))) / 2
    np.testing.assert_allclose(both, apart, atol=1e-5)
    assert np.abs(both[8:-8, 8:-8, 0]).mean() < 0.15
    with pytest.raises(VidcondenseError, match="at least two frames"):
        flow.mean_flow(timed(there[:, :1]))


@pytest.mark.usefixtures("opencv")
def test_flow_of_a_store_is_over_training_videos_of_the_class(tiny_store: ClipStore) -> None:
    videos = tiny_store.by_class("train")[1]
    clips = tiny_store.read(videos, tiny_store.even_starts(videos, 1).reshape(-1))
    expected = np.mean([flow.mean_flow(timed(clip[None])) for clip in clips], 0)
    np.testing.assert_allclose(flow.real_flow(tiny_store, 1, 99), expected, atol=1e-5)
    fewer = np.mean([flow.mean_flow(timed(clips[index][None])) for index in (0, 4)], 0)
    np.testing.assert_allclose(flow.real_flow(tiny_store, 1, 2), fewer, atol=1e-5)


def test_grey_is_luma() -> None:
    clip = torch.tensor([200, 100, 50], dtype=torch.uint8).view(1, 1, 3, 1, 1).expand(1, 2, 3, 4, 4)
    assert flow.grey_frames(clip).tolist() == np.full((1, 2, 4, 4), round(59.8 + 58.7 + 5.7)).tolist()


def test_end_point_error_by_hand() -> None:
    ours = np.zeros((1, 2, 2), np.float32)
    theirs = np.array([[[3, 4], [0, -1]]], np.float32)
    assert flow.end_point_error(ours, theirs) == pytest.approx(3.0)
    assert flow.end_point_error(theirs, theirs) == 0


@pytest.mark.parametrize(
    ("direction", "colour"),
    [
        ((1, 0), (255, 0, 0)),  # right: hue 0, red
        ((-1, 0), (0, 255, 255)),  # left: 180 degrees, cyan
        ((0, -1), (128, 255, 0)),  # up: 90 degrees, greenish
        ((0, 1), (128, 0, 255)),  # down: 270 degrees
    ],
)
def test_hue_is_direction(direction: tuple[int, int], colour: tuple[int, int, int]) -> None:
    picture = flow.coloured(np.array([[direction]], np.float32), 1.0)
    assert np.abs(picture[0, 0].astype(int) - colour).max() <= 1


def test_saturation_and_brightness_are_magnitude() -> None:
    picture = flow.coloured(np.array([[[0, 0], [1, 0], [2, 0], [9, 0]]], np.float32), 2.0)
    assert picture[0].tolist() == [[128, 128, 128], [191, 96, 96], [255, 0, 0], [255, 0, 0]]
    wheel = flow.wheel(65)
    assert wheel[32, 64].tolist() == [255, 0, 0]
    assert wheel[0, 0].tolist() == [255, 255, 255]
    assert wheel[32, 32].tolist() == [128, 128, 128]


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(VidcondenseError, match=r"pip install 'vidcondense\[flow\]'"):
        flow.estimator()
