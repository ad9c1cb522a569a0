"""Optical flow of clips whose motion is known."""

import sys

import numpy as np
import pytest
import torch
from moving import SIZE, moving

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark import flow
from vidcondense.data.store import ClipStore


@pytest.fixture
def opencv() -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'vidcondense[flow]'")


@pytest.mark.usefixtures("opencv")
@pytest.mark.parametrize(("right", "down"), [(2, 0), (-1, 0), (0, 2), (1, -2), (0, 0)])
def test_a_translation_is_recovered(right: int, down: int) -> None:
    found = flow.mean_flow(iter([moving(right, down)]))
    assert found.shape == (SIZE, SIZE, 2)
    inner = found[8:-8, 8:-8]
    assert np.abs(inner - np.array([right, down])).mean() < 0.15


@pytest.mark.usefixtures("opencv")
def test_the_mean_is_over_clips_and_time() -> None:
    there, back = moving(2, 0), moving(-2, 0)
    both = flow.mean_flow(iter([torch.cat([there, back])]))
    apart = (flow.mean_flow(iter([there])) + flow.mean_flow(iter([back]))) / 2
    np.testing.assert_allclose(both, apart, atol=1e-5)
    assert np.abs(both[8:-8, 8:-8, 0]).mean() < 0.15
    with pytest.raises(VidcondenseError, match="at least two frames"):
        flow.mean_flow(iter([there[:, :1]]))


@pytest.mark.usefixtures("opencv")
def test_flow_of_a_store_is_over_training_videos_of_the_class(tiny_store: ClipStore) -> None:
    videos = tiny_store.by_class("train")[1]
    clips = tiny_store.read(videos, tiny_store.even_starts(videos, 1).reshape(-1))
    expected = np.mean([flow.mean_flow(iter([clip[None]])) for clip in clips], 0)
    np.testing.assert_allclose(flow.real_flow(tiny_store, 1, 99), expected, atol=1e-5)
    fewer = np.mean([flow.mean_flow(iter([clips[index][None]])) for index in (0, 4)], 0)
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
        ((0, 1), (128, 255, 0)),  # down: 90 degrees
        ((0, -1), (128, 0, 255)),  # up: 270 degrees
    ],
)
def test_hue_is_direction(direction: tuple[int, int], colour: tuple[int, int, int]) -> None:
    picture = flow.coloured(np.array([[direction]], np.float32), 1.0)
    assert np.abs(picture[0, 0].astype(int) - colour).max() <= 1


def test_brightness_is_magnitude() -> None:
    picture = flow.coloured(np.array([[[0, 0], [1, 0], [2, 0], [9, 0]]], np.float32), 2.0)
    assert picture[0].tolist() == [[0, 0, 0], [128, 0, 0], [255, 0, 0], [255, 0, 0]]
    wheel = flow.wheel(65)
    assert wheel[32, 64].tolist() == [255, 0, 0]
    assert wheel[0, 0].tolist() == [255, 255, 255]
    assert wheel[32, 32].tolist() == [0, 0, 0]


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(VidcondenseError, match=r"pip install 'vidcondense\[flow\]'"):
        flow.estimator()
