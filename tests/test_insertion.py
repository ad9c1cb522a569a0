"""The insertion criterion and its schedule, against loops and cases made by hand."""

import pytest
import torch
import torch.nn.functional as F

from vidcondense.insertion import Insertion, cosines
from vidcondense.recipe import InsertionSettings
from vidcondense.synthetic import EveryFrame, KeyFrames

FRAMES = 5


def key_frames(videos: int = 1) -> KeyFrames:
    values = torch.randn(videos, FRAMES, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    return KeyFrames(values, torch.zeros(videos, dtype=torch.int64))


def gradient(*frames: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(frames).view(1, len(frames), 3, 1, 1)


X, Y, AGAINST = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (-1.0, -1.0, 0.0)
OPPOSED = gradient(X, AGAINST, X, (-3.0, -0.5, 0.0), Y)  # frames 1 and 3 oppose both ends, 1 the most


def test_cosines_against_a_loop() -> None:
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(3, 7, 3, 2, 2, generator=generator)
    is_key = torch.zeros(3, 7, dtype=torch.bool)
    is_key[:, [0, 6]] = True
    is_key[1, 3] = True
    is_key[2, 2] = is_key[2, 5] = True
    left, right = cosines(values, is_key)
    for video in range(3):
        keys = is_key[video].nonzero().flatten().tolist()
        for t in range(7):
            before, after = max(k for k in keys if k <= t), min(k for k in keys if k >= t)
            frame = values[video, t].flatten()
            expected_left = F.cosine_similarity(frame, values[video, before].flatten(), dim=0)
            expected_right = F.cosine_similarity(frame, values[video, after].flatten(), dim=0)
            torch.testing.assert_close(left[video, t], expected_left)
            torch.testing.assert_close(right[video, t], expected_right)


def test_the_frame_with_the_lowest_sum_is_inserted() -> None:
    made = key_frames()
    events = Insertion(InsertionSettings(warm_up=0, cool_down=0), 10).step(0, made, OPPOSED)
    assert [event.position for event in events] == [1]
    assert made.is_key[0].tolist() == [True, True, False, False, True]
    assert events[0].cosine_left == pytest.approx(-(0.5**0.5))
    assert events[0].cosine_right == pytest.approx(-(0.5**0.5))


def test_all_inserts_every_candidate() -> None:
    made = key_frames()
    settings = InsertionSettings(warm_up=0, cool_down=0, select="all")
    events = Insertion(settings, 10).step(0, made, OPPOSED)
    assert [event.position for event in events] == [1, 3]


@pytest.mark.parametrize("frame", [(-1.0, 0.5, 0.0), (-1.0, 0.0, 1.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)])
def test_both_cosines_must_be_strictly_below_the_threshold(frame: tuple[float, float, float]) -> None:
    made = key_frames()
    grad = gradient(X, frame, X, X, Y)
    assert Insertion(InsertionSettings(warm_up=0, cool_down=0), 10).step(0, made, grad) == []
    assert made.is_key.sum() == 2


def test_neighbours_are_the_adjacent_key_frames() -> None:
    made = key_frames()
    made.is_key[0, 2] = True
    grad = gradient(X, (-1.0, 0.1, 0.0), (1.0, -2.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0))
    events = Insertion(InsertionSettings(warm_up=0, cool_down=0), 10).step(0, made, grad)
    assert [event.position for event in events] == [3]  # opposed to 2 and 4; frame 1 opposes 0 and 2 less


@pytest.mark.parametrize(
    ("warm_up", "cool_down", "every", "due"),
    [
        (0.2, 0.2, 1, [2, 3, 4, 5, 6, 7]),
        (0.0, 0.0, 4, [0, 4, 8]),
        (0.0, 1.0, 1, []),
        (0.5, 0.0, 2, [5, 7, 9]),
    ],
)
def test_schedule(warm_up: float, cool_down: float, every: int, due: list[int]) -> None:
    insertion = Insertion(InsertionSettings(warm_up=warm_up, cool_down=cool_down, check_every=every), 10)
    assert [i for i in range(10) if insertion.is_due(i)] == due


def test_the_papers_window_leaves_sixty_of_a_hundred() -> None:
    insertion = Insertion(InsertionSettings(), 100)
    assert sum(insertion.is_due(i) for i in range(100)) == 60


def test_smoothing_outvotes_one_noisy_step() -> None:
    calm = gradient(X, X, X, X, X)
    settings = InsertionSettings(warm_up=0, cool_down=0, smoothing=0.9)
    insertion = Insertion(settings, 10)
    assert insertion.step(0, key_frames(), calm) == []
    assert insertion.step(1, key_frames(), gradient(X, AGAINST, X, X, X)) == []
    restored = Insertion(settings, 10)
    restored.restore(insertion.state())
    assert restored.mean is not None
    assert insertion.mean is not None
    assert torch.equal(restored.mean, insertion.mean)


def test_nothing_is_inserted_where_every_frame_is_stored() -> None:
    made = EveryFrame(torch.zeros(1, FRAMES, 3, 1, 1), torch.tensor([0]))
    assert Insertion(InsertionSettings(warm_up=0, cool_down=0), 10).step(0, made, OPPOSED) == []
