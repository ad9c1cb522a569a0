"""`motion` clips: no single frame tells the class, two frames do; opposites are reverses of each other."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from vidcondense.toys import LINEAR_MOTIONS, MOTIONS, NON_LINEAR_MOTIONS, generate
from vidcondense.toys.motion import PERIOD, draw_path
from vidcondense.toys.motion import Path as MotionPath

Floats = NDArray[np.float64]

FRAMES, STEP = 9, 4
PER_CLASS = 20
SAMPLES = 800


@dataclass(frozen=True)
class Clips:
    """Lightness of the cropped clips, (N, T, S, S) in [0, 1], and their labels."""

    lightness: Floats
    labels: NDArray[np.int64]


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clips]:
    """Train and test clips, written as files and read back, so that the codec's traces are in them."""
    root = generate(
        "motion",
        tmp_path_factory.mktemp("motion") / "clips",
        train_per_class=PER_CLASS,
        test_per_class=PER_CLASS,
        frames=FRAMES,
        size=48,
        workers=1,
    )
    return {split: read(root / split) for split in ("train", "test")}


def read(folder: Path) -> Clips:
    clips, labels = [], []
    for label, name in enumerate(MOTIONS):
        for path in sorted((folder / name).iterdir()):
            with av.open(str(path)) as container:
                container.streams.video[0].thread_count = 1
                frames = list(container.decode(video=0))[::STEP]
            planes = [frame.to_ndarray(format="gray")[1:35, 7:41] for frame in frames]  # the visible square
            clips.append(np.stack(planes))
            labels.append(label)
    return Clips(np.stack(clips) / 255.0, np.array(labels))


def test_the_names_are_those_of_the_two_groups() -> None:
    assert MOTIONS == LINEAR_MOTIONS + NON_LINEAR_MOTIONS
    assert len(set(MOTIONS)) == 12


# On the paths themselves: exact quantities, many samples.


def sample_paths(name: str, count: int = SAMPLES, frames: int = 29) -> list[MotionPath]:
    return [draw_path(name, np.random.default_rng([7, index]), frames) for index in range(count)]


@pytest.mark.parametrize("name", MOTIONS)
def test_place_angle_and_size_are_uniform_at_every_time(name: str) -> None:
    paths = sample_paths(name)
    bins = 10
    for time in (0, 9, 28):
        for quantity, period in (("x", PERIOD), ("y", PERIOD), ("angle", 2 * np.pi), ("phase", 1.0)):
            turns = np.array([getattr(path, quantity)[time] for path in paths]) / period % 1.0
            counts = np.histogram(turns, bins=bins, range=(0, 1))[0]
            chi_square = ((counts - SAMPLES / bins) ** 2).sum() / (SAMPLES / bins)
            assert chi_square < 33.7, (
                f"{quantity} of {name} at frame {time}"
            )  # 9 degrees of freedom, p = 1e-4


@pytest.mark.parametrize(
    ("name", "reverse", "quantity"),
    [
        ("left", "right", "x"),
        ("up", "down", "y"),
        ("clockwise", "anticlockwise", "angle"),
        ("grow", "shrink", "phase"),
    ],
)
def test_a_reversed_motion_is_its_opposite(name: str, reverse: str, quantity: str) -> None:
    def speeds(of: str, *, backwards: bool) -> Floats:
        values = np.array([getattr(path, quantity)[:2] for path in sample_paths(of, 200)])
        steps = values[:, 0] - values[:, 1] if backwards else values[:, 1] - values[:, 0]
        return np.sort((steps + 0.5) % 1.0 - 0.5)

    forwards, turned = speeds(reverse, backwards=False), speeds(name, backwards=True)
    np.testing.assert_allclose(forwards, turned, atol=1e-9)  # the same draws, so the very same speeds
    assert abs(np.median(forwards)) > 0.015


@pytest.mark.parametrize("name", NON_LINEAR_MOTIONS)
def test_non_linear_motions_turn_round(name: str) -> None:
    for path in sample_paths(name, 50):
        series = np.stack([path.x, path.y, path.phase])
        steps = np.diff(series, axis=1)
        steps = (steps + 0.5) % 1.0 - 0.5
        towards = (steps * steps[:, :1]).sum(axis=0)
        assert (towards < 0.5 * towards[0]).any(), name


# On decoded frames.


def single_frame_features(clips: Clips, at: int) -> Floats:
    """Coarse pixels, histogram, moments, autocorrelation and random hidden units of one frame."""
    frame = clips.lightness[:, at]
    coarse = frame[:, :32, :32].reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4)).reshape(len(frame), -1)
    histogram = np.stack([np.histogram(image, bins=12, range=(0, 1))[0] for image in frame]) / frame[0].size
    spectrum = np.abs(np.fft.fft2(frame))
    autocorrelation = np.fft.ifft2(spectrum**2).real[:, :6, :6].reshape(len(frame), -1) / frame[0].size
    units = np.random.default_rng(0).normal(size=(frame[0].size, 100)) / 6
    hidden = np.maximum(frame.reshape(len(frame), -1) @ units, 0)
    moments = np.stack([frame.mean(axis=(1, 2)), frame.std(axis=(1, 2)), frame.max(axis=(1, 2))], axis=1)
    return np.concatenate([coarse, histogram, autocorrelation, moments, hidden], axis=1)


def several_frame_features(clips: Clips, at: int) -> Floats:
    """How a frame and the next must be shifted to match, and how much brighter and wider the shape got."""
    first, second = clips.lightness[:, at], clips.lightness[:, at + 1]
    product = np.conj(np.fft.fft2(first)) * np.fft.fft2(second)
    product /= np.abs(product) + 1e-3
    shifts = np.fft.fftshift(np.fft.ifft2(product).real, axes=(1, 2))[:, 10:25, 10:25]
    change = (second - first).mean(axis=(1, 2))
    return np.concatenate([shifts.reshape(len(first), -1), change[:, None]], axis=1)


def accuracy(splits: dict[str, Clips], features: Callable[[Clips, int], Floats], at: int) -> float:
    """Test accuracy of ridge regression onto one-hot labels."""
    train, test = (features(splits[name], at) for name in ("train", "test"))
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-6
    train, test = (train - mean) / deviation, (test - mean) / deviation
    targets = np.eye(len(MOTIONS))[splits["train"].labels] - 1 / len(MOTIONS)
    ridge = train.T @ train + 0.3 * len(train) * np.eye(train.shape[1])
    scores = test @ np.linalg.solve(ridge, train.T @ targets)
    return float((scores.argmax(axis=1) == splits["test"].labels).mean())


def highest_by_chance(clips: int) -> float:
    """What guessing stays below in all but about one of 10,000 cases."""
    chance = 1 / len(MOTIONS)
    return chance + 3.8 * float(np.sqrt(chance * (1 - chance) / clips))


@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_frame_tells_nothing_of_the_class(splits: dict[str, Clips], at: int) -> None:
    assert accuracy(splits, single_frame_features, at) < highest_by_chance(PER_CLASS * len(MOTIONS))


def test_two_frames_tell_much_of_it(splits: dict[str, Clips]) -> None:
    assert accuracy(splits, several_frame_features, 1) > 2 * highest_by_chance(PER_CLASS * len(MOTIONS))


@pytest.mark.parametrize("at", [0, 1, 2])
def test_frame_statistics_agree_across_classes(splits: dict[str, Clips], at: int) -> None:
    frame = np.concatenate([clips.lightness[:, at] for clips in splits.values()])
    labels = np.concatenate([clips.labels for clips in splits.values()])
    side = np.arange(frame.shape[1]) / frame.shape[1] - 0.5
    weight = frame / frame.sum(axis=(1, 2), keepdims=True)
    statistics = {
        "lightness": frame.mean(axis=(1, 2)),
        "contrast": frame.std(axis=(1, 2)),
        "bright area": (frame > 0.4).mean(axis=(1, 2)),
        "place x": (weight * side).sum(axis=(1, 2)),
        "place y": (weight * side[:, None]).sum(axis=(1, 2)),
        "spread x": (weight * side**2).sum(axis=(1, 2)),
        "spread y": (weight * side[:, None] ** 2).sum(axis=(1, 2)),
        "edges": np.abs(np.diff(frame, axis=2)).mean(axis=(1, 2)),
    }
    for name, values in statistics.items():
        groups = values.reshape(2, len(MOTIONS), PER_CLASS).swapaxes(0, 1).reshape(len(MOTIONS), -1)
        between = groups.mean(axis=1).var(ddof=1) * groups.shape[1]
        within = groups.var(axis=1, ddof=1).mean()
        assert between / within < 3.5, f"{name} differs between classes"  # F(11, 468): p = 1e-4 at 3.4
        assert labels.size == values.size
