"""The step that inserts and its schedule: cases made by hand, random places, limits."""

from collections import Counter
from typing import Any

import pytest
import torch
from vidcondense.recipes.settings import InsertionSettings

from vidcondense.base.errors import VidcondenseError
from vidcondense.insertion import Insertion
from vidcondense.synthetic import EveryFrame, KeyFrames

FRAMES = 5


def key_frames(videos: int = 1) -> KeyFrames:
    values = torch.randn(videos, FRAMES, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    return KeyFrames(values, torch.zeros(videos, dtype=torch.int64))


def gradient(*frames: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(frames).view(1, len(frames), 3, 1, 1)


X, Y, AGAINST = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (-1.0, -1.0, 0.0)
OPPOSED = gradient(X, AGAINST, X, (-3.0, -0.5, 0.0), Y)  # frames 1 and 3 oppose both ends, 1 the most


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


def always(**changed: Any) -> InsertionSettings:
    return InsertionSettings(warm_up=0, cool_down=0, **changed)


def test_a_cap_per_check_takes_the_lowest_sums() -> None:
    grad = gradient(X, AGAINST, (-3.0, -0.5, 0.0), (-1.0, -0.9, 0.0), Y)
    for most, expected in ((1, [1]), (2, [1, 3]), (3, [1, 2, 3]), (0, [1, 2, 3])):
        events = Insertion(always(select="all", most=most), 10).step(0, key_frames(), grad)
        assert [event.position for event in events] == expected


def test_against_all_key_frames() -> None:
    grad = gradient(X, AGAINST, Y, (0.5, -1.0, 0.0), Y)  # 3 opposes its neighbours 2 and 4, not the far 0
    for compare, expected in (("adjacent", [1, 3]), ("all", [1])):
        made = key_frames()
        made.is_key[0, 2] = True
        events = Insertion(always(select="all", compare=compare), 10).step(0, made, grad)
        assert [event.position for event in events] == expected


def test_segments_hide_the_key_frames_beyond_their_border() -> None:
    values = torch.zeros(1, FRAMES, 3, 1, 1)
    made = KeyFrames(values, torch.tensor([0]), 2, segments=(0, 2))  # key frames 0 and 3
    grad = gradient(X, (-1.0, 1.0, 0.0), AGAINST, Y, X)  # 1 opposes 0 and agrees with 3
    events = Insertion(always(select="all"), 10).step(0, made, grad)
    assert [event.position for event in events] == [1, 2]
    assert events[0].cosine_left == events[0].cosine_right == pytest.approx(-(0.5**0.5))


def test_random_fires_as_gradient_does_and_anywhere() -> None:
    quiet = gradient(X, X, X, X, X)
    both = torch.cat([OPPOSED, quiet])
    found: Counter[int] = Counter()
    for iteration in range(300):
        made = key_frames(2)
        events = Insertion(always(kind="random"), 300, seed=3).step(iteration, made, both)
        assert [event.video for event in events] == [0]
        assert int(made.is_key.sum()) == 5
        found.update(event.position for event in events)
    assert set(found) == {1, 2, 3}  # 2 does not oppose its neighbours
    assert min(found.values()) > 70
    events = Insertion(always(kind="random", select="all"), 10).step(0, key_frames(2), both)
    assert [event.video for event in events] == [0, 0]  # two frames fire: 1 and 3


def test_random_places_depend_on_seed_and_iteration_alone() -> None:
    def positions(seed: int, iteration: int) -> list[int]:
        many = torch.cat([OPPOSED] * 20)
        events = Insertion(always(kind="random"), 10, seed).step(iteration, key_frames(20), many)
        return [event.position for event in events]

    assert positions(1, 4) == positions(1, 4)
    assert positions(1, 4) != positions(2, 4)
    assert positions(1, 4) != positions(1, 5)


def test_distances_above_and_below_a_threshold() -> None:
    near = (1.0, 0.1, 0.0)  # at 0.0998 of X
    grad = gradient(X, near, Y, (5.0, 1.0, 0.0), X)  # 3 is at 0.197
    for kind, select, expected in (
        ("l2_above", "all", [2, 3]),
        ("l2_above", "lowest", [2]),
        ("l2_below", "all", [1]),
    ):
        settings = always(kind=kind, select=select, threshold=0.141)
        events = Insertion(settings, 10).step(0, key_frames(), grad)
        assert [event.position for event in events] == expected


def test_the_mean_number_of_key_frames_is_not_exceeded() -> None:
    settings = always(mean_key_frames=2.5)
    made = key_frames(4)
    more = torch.cat([OPPOSED] * 4)
    more[2, 1] *= torch.tensor([1.0, 1.0, 0.0]).view(3, 1, 1)
    more[2, 0] = torch.tensor([1.0, 1.0, 0.0]).view(3, 1, 1)  # video 2 disagrees the most
    insertion = Insertion(settings, 10)
    insertion.check(made)
    events = [event for i in range(10) for event in insertion.step(i, made, more)]
    assert made.key_frames == 10
    assert len(events) == 2 and 2 in {event.video for event in events}
    assert insertion.most_values(key_frames(4)) == 10 * 3


@pytest.mark.parametrize(("mean", "every"), [(3.3, 1), (2.0, 1), (5.0, 7), (4.1, 3)])
def test_uniform_ends_at_the_number_asked_for(mean: float, every: int) -> None:
    made = key_frames(10)
    insertion = Insertion(InsertionSettings(kind="uniform", mean_key_frames=mean, check_every=every), 100)
    grad = gradient(X, X, X, X, X).expand(10, -1, -1, -1, -1)
    events = [event for i in range(100) for event in insertion.step(i, made, grad)]
    assert made.key_frames == round(10 * mean)
    assert len(events) == made.key_frames - 20
    assert all(20 <= event.iteration < 80 and (event.iteration - 20) % every == 0 for event in events)


def test_uniform_is_uniform_in_time_and_place() -> None:
    made = key_frames(400)
    insertion = Insertion(always(kind="uniform", mean_key_frames=3.5), 4, seed=1)
    grad = gradient(X, X, X, X, X).expand(400, -1, -1, -1, -1)
    events = [event for i in range(4) for event in insertion.step(i, made, grad)]
    times, places = (Counter(getattr(e, name) for e in events) for name in ("iteration", "position"))
    assert len(events) == 600
    assert set(times) == {0, 1, 2, 3} and all(110 < count < 190 for count in times.values())
    assert set(places) == {1, 2, 3} and all(150 < count < 250 for count in places.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (always(mean_key_frames=1.5), r"mean_key_frames = 1.5 must lie between the 2 key frames .* all 5"),
        (always(mean_key_frames=5.5), "must lie between"),
        (always(mean_key_frames=float("inf")), "must lie between"),
        (InsertionSettings(kind="uniform", warm_up=1.0, mean_key_frames=3), "leave no iteration"),
    ],
)
def test_limits_out_of_reach_are_refused(settings: InsertionSettings, message: str) -> None:
    with pytest.raises(VidcondenseError, match=message):
        Insertion(settings, 10).check(key_frames(2))


@pytest.mark.parametrize(
    "settings",
    [
        always(mean_key_frames=2.0),  # as many as at the start
        always(mean_key_frames=5.0),  # all
        InsertionSettings(kind="none", mean_key_frames=1.0),
        InsertionSettings(warm_up=1.0, mean_key_frames=3),  # never, which only uniform has no use for
    ],
)
def test_limits_that_can_be_kept_are_taken(settings: InsertionSettings) -> None:
    Insertion(settings, 10).check(key_frames(2))
    every = EveryFrame(torch.zeros(1, FRAMES, 3, 1, 1), torch.tensor([0]))
    Insertion(settings, 10).check(every)


def test_a_window_of_no_iteration_is_empty_for_uniform() -> None:
    settings = InsertionSettings(kind="uniform", warm_up=0.5, cool_down=0.5, mean_key_frames=3)
    with pytest.raises(VidcondenseError, match="leave no iteration"):
        Insertion(settings, 10).check(key_frames())


def test_none_does_nothing_and_lets_nothing_grow() -> None:
    insertion, made = Insertion(InsertionSettings(kind="none", warm_up=0, cool_down=0), 10), key_frames()
    assert not insertion.is_due(5)
    assert insertion.step(5, made, OPPOSED) == []
    assert insertion.state() == {}
    assert insertion.most_values(made) == made.stored_values == 2 * 3


def test_the_most_values_without_a_limit_are_all() -> None:
    assert Insertion(always(), 10).most_values(key_frames(2)) == 2 * FRAMES * 3
    every = EveryFrame(torch.zeros(2, FRAMES, 3, 1, 1), torch.tensor([0, 1]))
    assert Insertion(always(mean_key_frames=3), 10).most_values(every) == 2 * FRAMES * 3


def test_the_running_mean_of_gradients() -> None:
    insertion = Insertion(always(smoothing=0.75), 10)
    steps = [torch.randn(1, FRAMES, 3, 1, 1, generator=torch.Generator().manual_seed(i)) for i in range(3)]
    for number, one in enumerate(steps):
        insertion.step(number, key_frames(), one)
    expected = 0.75 * (0.75 * steps[0] + 0.25 * steps[1]) + 0.25 * steps[2]
    assert insertion.mean is not None
    torch.testing.assert_close(insertion.mean, expected)


def test_an_event_is_a_line_of_the_log_and_the_seed_is_0_unless_given() -> None:
    (event,) = Insertion(always(), 10).step(3, key_frames(), OPPOSED)
    half = pytest.approx(-(0.5**0.5))
    assert event.to_dict() == {
        "event": "insertion",
        "iteration": 3,
        "video": 0,
        "position": 1,
        "cosine_left": half,
        "cosine_right": half,
    }
    made = [key_frames(40), key_frames(40)]
    grad = OPPOSED.expand(40, -1, -1, -1, -1)
    for one, insertion in zip(
        made, (Insertion(always(kind="random"), 9), Insertion(always(kind="random"), 9, 0)), strict=True
    ):
        insertion.step(0, one, grad)
    assert torch.equal(made[0].is_key, made[1].is_key)
