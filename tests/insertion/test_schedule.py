"""The schedule and the limits that all kinds share, the events, and no insertion at all."""

import pytest
from opposed import FRAMES, OPPOSED, every_frame, key_frames

from vidcondense.base.errors import VidcondenseError
from vidcondense.insertion import Insertion
from vidcondense.insertion.kinds import Gradient, Uniform
from vidcondense.insertion.schedule import NoInsertion


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
    settings = Gradient.Settings(warm_up=warm_up, cool_down=cool_down, check_every=every)
    insertion = Gradient(settings, 10)
    assert [i for i in range(10) if insertion.is_due(i)] == due
    assert [i for i in range(10) if insertion.step(i, key_frames(), OPPOSED)] == due


def test_the_papers_window_leaves_sixty_of_a_hundred() -> None:
    insertion = Gradient(Gradient.Settings(), 100)
    assert sum(insertion.is_due(i) for i in range(100)) == 60


def test_an_event_is_a_line_of_the_log() -> None:
    (event,) = Gradient(Gradient.Settings(warm_up=0, cool_down=0), 10).step(3, key_frames(), OPPOSED)
    half = pytest.approx(-(0.5**0.5))
    assert event.to_dict() == {
        "event": "insertion",
        "iteration": 3,
        "video": 0,
        "position": 1,
        "cosine_left": half,
        "cosine_right": half,
    }


@pytest.mark.parametrize("mean", [2.0, 3.0, 5.0])  # as many as at the start, some, all
@pytest.mark.parametrize("kind", [Gradient, Uniform])
def test_limits_that_can_be_kept_are_taken(kind: type[Gradient] | type[Uniform], mean: float) -> None:
    kind(kind.Settings(mean_key_frames=mean), 10).check(key_frames(2))


@pytest.mark.parametrize("mean", [1.5, 5.5])
@pytest.mark.parametrize("kind", [Gradient, Uniform])
def test_limits_out_of_reach_are_refused(kind: type[Gradient] | type[Uniform], mean: float) -> None:
    message = rf"mean_key_frames = {mean} must lie between the 2 key frames .* at the start and all 5"
    with pytest.raises(VidcondenseError, match=message):
        kind(kind.Settings(mean_key_frames=mean), 10).check(key_frames(2))


@pytest.mark.parametrize(
    ("mean", "message"),
    [
        (0.5, "insertion.mean_key_frames must be 0 or at least 1, not 0.5"),
        (float("inf"), "insertion.mean_key_frames must be a number <= .*, not inf"),
        (-1.0, "insertion.mean_key_frames must be a number >= 0.0, not -1.0"),
    ],
)
def test_limits_that_no_set_has_are_refused(mean: float, message: str) -> None:
    with pytest.raises(VidcondenseError, match=message):
        Gradient.Settings(mean_key_frames=mean)


def test_the_most_values_are_those_of_the_limit_or_of_all_frames() -> None:
    assert Gradient(Gradient.Settings(), 10).most_values(key_frames(2)) == 2 * FRAMES * 3
    most = Gradient(Gradient.Settings(mean_key_frames=2.5), 10).most_values(key_frames(4))
    assert (most, type(most)) == (10 * 3, int)
    assert Gradient.Settings(mean_key_frames=1).mean_key_frames == 1.0
    assert Gradient(Gradient.Settings(mean_key_frames=3), 10).most_values(every_frame(2)) == 2 * FRAMES * 3


def test_a_set_without_frames_to_insert_is_refused() -> None:
    with pytest.raises(VidcondenseError, match=r'synthetic\.kind = "key_frames".*insertion\.kind = "none"'):
        Gradient(Gradient.Settings(), 10).check(every_frame())


def test_none_does_nothing_and_lets_nothing_grow() -> None:
    insertion: Insertion = NoInsertion(NoInsertion.Settings(), 10)
    made = key_frames()
    insertion.check(made)
    insertion.check(every_frame())
    for iteration in range(10):
        assert insertion.step(iteration, made, OPPOSED) == []
        assert insertion.step(iteration, every_frame(), OPPOSED) == []
    assert made.key_frames == 2
    assert insertion.state() == {}
    assert insertion.most_values(made) == made.stored_values == 2 * 3
