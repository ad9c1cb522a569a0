"""Every kind of insertion: the criterion against loops over frames, cases made by hand, random places."""

from collections import Counter
from typing import Any

import pytest
import torch
from opposed import AGAINST, FRAMES, OPPOSED, QUIET, X, Y, gradient, key_frames

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import hints
from vidcondense.insertion import INSERTIONS, Insertion, cosine_similarities
from vidcondense.insertion.criteria import unit_distances
from vidcondense.insertion.kinds import Gradient, L2Above, L2Below, Random, Triggered, Uniform
from vidcondense.insertion.schedule import Check, NoInsertion
from vidcondense.synthetic import KeyFrames


def always(kind: str = "gradient", iterations: int = 10, seed: int = 0, **changed: Any) -> Insertion:
    """An insertion that may insert in every iteration."""
    settings = INSERTIONS.settings(kind)(warm_up=0, cool_down=0, **changed)
    return INSERTIONS.member(kind)(settings, iterations, seed)  # type: ignore[arg-type]


def positions(insertion: Insertion, made: KeyFrames, grad: torch.Tensor) -> list[int]:
    """Where the first iteration inserts."""
    return [event.position for event in insertion.step(0, made, grad)]


@pytest.mark.parametrize("kind", ["random", "uniform"])
def test_kinds_whose_places_are_random_drop_nothing(kind: str) -> None:
    assert "drop_after" not in hints(INSERTIONS.settings(kind))
    assert "drop_after" in hints(INSERTIONS.settings("gradient"))


def test_the_kinds_are_those_of_the_papers() -> None:
    assert INSERTIONS.members() == {
        "gradient": Gradient,
        "l2_above": L2Above,
        "l2_below": L2Below,
        "none": NoInsertion,
        "random": Random,
        "uniform": Uniform,
    }


@pytest.mark.parametrize("compare", ["adjacent", "all"])
@pytest.mark.parametrize(
    ("kind", "threshold"), [("gradient", 0.05), ("random", 0.05), ("l2_above", 1.35), ("l2_below", 1.4)]
)
def test_criteria_against_a_loop(kind: str, threshold: float, compare: str) -> None:
    times = 7
    values = torch.randn(3, times, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    values[1, 5] = 0
    made = KeyFrames(torch.zeros_like(values), torch.arange(3))
    made.is_key[1, 3] = made.is_key[2, 2] = made.is_key[2, 5] = True
    insertion = always(kind, threshold=threshold, compare=compare, select="all")
    assert isinstance(insertion, Triggered)
    cosines, dropped = cosine_similarities(values), torch.zeros_like(made.is_key)
    dropped[0, 1] = True
    check = Check(0, made, cosines, made.adjacent_keys(), dropped, torch.Generator())
    score, candidate = insertion.triggered(check)
    distances = unit_distances(cosines)
    for video in range(3):
        keys = made.is_key[video].nonzero().flatten().tolist()
        for t in range(times):
            around = {max(k for k in keys if k <= t), min(k for k in keys if k >= t)}
            mine = keys if compare == "all" else sorted(around)
            if kind == "l2_above":
                compared = [float(distances[video, t, k]) for k in mine]
                expected = all(value > threshold for value in compared)
                compared = [-value for value in compared]
            else:
                measure = distances if kind == "l2_below" else cosines
                compared = [float(measure[video, t, k]) for k in mine]
                expected = all(value < threshold for value in compared)
            assert bool(candidate[video, t]) == (expected and t not in keys and (video, t) != (0, 1))
            assert float(score[video, t]) == pytest.approx(sum(compared) / len(compared), abs=1e-6)
    assert bool(candidate.any())
    assert not bool(candidate[~made.is_key].all())


def test_gradient_inserts_the_frame_with_the_lowest_sum() -> None:
    made = key_frames()
    events = always().step(0, made, OPPOSED)
    assert [event.position for event in events] == [1]
    assert made.is_key[0].tolist() == [True, True, False, False, True]
    assert events[0].cosine_left == pytest.approx(-(0.5**0.5))
    assert events[0].cosine_right == pytest.approx(-(0.5**0.5))


def test_all_inserts_every_candidate() -> None:
    assert positions(always(select="all"), key_frames(), OPPOSED) == [1, 3]


@pytest.mark.parametrize("frame", [(-1.0, 0.5, 0.0), (-1.0, 0.0, 1.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)])
def test_both_cosines_must_be_strictly_below_the_threshold(frame: tuple[float, float, float]) -> None:
    made = key_frames()
    assert positions(always(), made, gradient(X, frame, X, X, Y)) == []
    assert made.is_key.sum() == 2


def test_neighbours_are_the_adjacent_key_frames() -> None:
    made = key_frames()
    made.is_key[0, 2] = True
    grad = gradient(X, (-1.0, 0.1, 0.0), (1.0, -2.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0))
    assert positions(always(), made, grad) == [3]  # opposed to 2 and 4; frame 1 opposes 0 and 2 less


def test_a_cap_per_check_takes_the_lowest_sums() -> None:
    grad = gradient(X, AGAINST, (-3.0, -0.5, 0.0), (-1.0, -0.9, 0.0), Y)
    for most, expected in ((1, [1]), (2, [1, 3]), (3, [1, 2, 3]), (0, [1, 2, 3])):
        assert positions(always(select="all", most=most), key_frames(), grad) == expected
    with pytest.raises(VidcondenseError, match=r'insertion\.most limits insertion\.select = "all"'):
        always(most=1)


def test_against_all_key_frames() -> None:
    grad = gradient(X, AGAINST, Y, (0.5, -1.0, 0.0), Y)  # 3 opposes its neighbours 2 and 4, not the far 0
    for compare, expected in (("adjacent", [1, 3]), ("all", [1])):
        made = key_frames()
        made.is_key[0, 2] = True
        assert positions(always(select="all", compare=compare), made, grad) == expected


def test_segments_hide_the_key_frames_beyond_their_border() -> None:
    values = torch.zeros(1, FRAMES, 3, 1, 1)
    made = KeyFrames(values, torch.tensor([0]), 2, segments=(0, 2))  # key frames 0 and 3
    grad = gradient(X, (-1.0, 1.0, 0.0), AGAINST, Y, X)  # 1 opposes 0 and agrees with 3
    events = always(select="all").step(0, made, grad)
    assert [event.position for event in events] == [1, 2]
    assert events[0].cosine_left == events[0].cosine_right == pytest.approx(-(0.5**0.5))


def test_smoothing_outvotes_one_noisy_step() -> None:
    insertion, restored = always(smoothing=0.9), always(smoothing=0.9)
    assert positions(insertion, key_frames(), QUIET) == []
    assert positions(insertion, key_frames(), gradient(X, AGAINST, X, X, X)) == []
    restored.restore(insertion.state())
    assert list(restored.state()) == ["mean"]
    assert torch.equal(restored.state()["mean"], insertion.state()["mean"])


def test_the_running_mean_of_gradients() -> None:
    insertion = always(smoothing=0.75)
    steps = [torch.randn(1, FRAMES, 3, 1, 1, generator=torch.Generator().manual_seed(i)) for i in range(3)]
    for number, step in enumerate(steps):
        insertion.step(number, key_frames(), step)
    expected = 0.75 * (0.75 * steps[0] + 0.25 * steps[1]) + 0.25 * steps[2]
    torch.testing.assert_close(insertion.state()["mean"], expected)
    assert always().state() == {}


def test_the_mean_number_of_key_frames_is_not_exceeded() -> None:
    made = key_frames(4)
    more = torch.cat([OPPOSED] * 4)
    more[2, 1] *= torch.tensor([1.0, 1.0, 0.0]).view(3, 1, 1)
    more[2, 0] = torch.tensor([1.0, 1.0, 0.0]).view(3, 1, 1)  # video 2 disagrees the most
    insertion = always(mean_key_frames=2.5)
    insertion.check(made)
    events = [event for i in range(10) for event in insertion.step(i, made, more)]
    assert made.key_frames == 10
    assert len(events) == 2 and 2 in {event.video for event in events}


def test_random_fires_as_gradient_does_and_anywhere() -> None:
    both = torch.cat([OPPOSED, QUIET])
    found: Counter[int] = Counter()
    for iteration in range(300):
        made = key_frames(2)
        events = always("random", 300, seed=3).step(iteration, made, both)
        assert [event.video for event in events] == [0]
        assert int(made.is_key.sum()) == 5
        found.update(event.position for event in events)
    assert set(found) == {1, 2, 3}  # 2 does not oppose its neighbours
    assert min(found.values()) > 70
    events = always("random", select="all").step(0, key_frames(2), both)
    assert [event.video for event in events] == [0, 0]  # two frames fire: 1 and 3


def test_random_places_depend_on_seed_and_iteration_alone() -> None:
    def places(iteration: int, *seed: int) -> list[int]:
        many = torch.cat([OPPOSED] * 20)
        insertion = Random(Random.Settings(warm_up=0, cool_down=0), 10, *seed)
        return [event.position for event in insertion.step(iteration, key_frames(20), many)]

    assert places(4, 1) == places(4, 1)
    assert places(4, 1) != places(4, 2)
    assert places(4, 1) != places(5, 1)
    assert places(0) == places(0, 0)  # the seed is 0 unless given


NEAR = gradient(X, (1.0, 0.1, 0.0), Y, (5.0, 1.0, 0.0), X)  # 1 is at 0.0998 of X, 3 at 0.197


def test_l2_above_inserts_beyond_the_threshold_the_farthest_first() -> None:
    assert positions(always("l2_above", select="all"), key_frames(), NEAR) == [2, 3]  # 0.141, as in PRISM
    assert positions(always("l2_above", select="all", threshold=0.2), key_frames(), NEAR) == [2]
    assert positions(always("l2_above"), key_frames(), NEAR) == [2]


def test_l2_below_inserts_within_the_threshold_the_nearest_first() -> None:
    assert positions(always("l2_below", select="all"), key_frames(), NEAR) == [1]
    assert positions(always("l2_below", select="all", threshold=0.2), key_frames(), NEAR) == [1, 3]
    assert positions(always("l2_below", threshold=0.2), key_frames(), NEAR) == [1]


@pytest.mark.parametrize("kind", [L2Above, L2Below])
@pytest.mark.parametrize("threshold", [0.0, 2.0, -0.1, float("nan")])
def test_distances_of_unit_vectors_lie_between_0_and_2(
    kind: type[L2Above] | type[L2Below], threshold: float
) -> None:
    with pytest.raises(VidcondenseError, match=r"insertion\.threshold must be a number [<>]=? ?"):
        kind.Settings(threshold=threshold)


@pytest.mark.parametrize(("mean", "every"), [(3.3, 1), (2.0, 1), (5.0, 7), (4.1, 3)])
def test_uniform_ends_at_the_number_asked_for(mean: float, every: int) -> None:
    made = key_frames(10)
    insertion = Uniform(Uniform.Settings(mean_key_frames=mean, check_every=every), 100)
    grad = QUIET.expand(10, -1, -1, -1, -1)
    events = [event for i in range(100) for event in insertion.step(i, made, grad)]
    assert made.key_frames == round(10 * mean)
    assert len(events) == made.key_frames - 20
    assert all(20 <= event.iteration < 80 and (event.iteration - 20) % every == 0 for event in events)


def test_uniform_is_uniform_in_time_and_place() -> None:
    made = key_frames(400)
    insertion = always("uniform", 4, seed=1, mean_key_frames=3.5)
    grad = QUIET.expand(400, -1, -1, -1, -1)
    events = [event for i in range(4) for event in insertion.step(i, made, grad)]
    times, places = (Counter(getattr(e, name) for e in events) for name in ("iteration", "position"))
    assert len(events) == 600
    assert set(times) == {0, 1, 2, 3} and all(110 < count < 190 for count in times.values())
    assert set(places) == {1, 2, 3} and all(150 < count < 250 for count in places.values())


@pytest.mark.parametrize(("warm_up", "cool_down"), [(1.0, 0.2), (0.5, 0.5)])
def test_uniform_alone_needs_an_iteration_to_insert_in(warm_up: float, cool_down: float) -> None:
    window = {"warm_up": warm_up, "cool_down": cool_down, "mean_key_frames": 3.0}
    with pytest.raises(VidcondenseError, match="leave no iteration"):
        Uniform(Uniform.Settings(**window), 10).check(key_frames())
    Gradient(Gradient.Settings(**window), 10).check(key_frames())


def test_uniform_needs_a_number_to_end_at() -> None:
    with pytest.raises(VidcondenseError, match=r"insertion\.mean_key_frames, so that needs a value"):
        Uniform.Settings()


@pytest.mark.parametrize("kind", ["random", "uniform"])
def test_places_do_not_depend_on_the_generator_of_pytorch(kind: str) -> None:
    def places(global_seed: int) -> list[int]:
        torch.manual_seed(global_seed)
        made = key_frames(20)
        insertion = always(kind, mean_key_frames=3.0)
        for iteration in range(10):
            insertion.step(iteration, made, torch.cat([OPPOSED] * 20))
        return made.is_key.flatten().int().tolist()

    assert places(1) == places(2)


def test_random_is_held_to_the_mean_number_of_key_frames() -> None:
    made = key_frames(4)
    insertion = always("random", mean_key_frames=2.5)
    for iteration in range(10):
        insertion.step(iteration, made, torch.cat([OPPOSED] * 4))
    assert made.key_frames == 10
