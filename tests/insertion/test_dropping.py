"""Dropping of key frames: the expected change against rendering again, who may go, and what a check does."""

from typing import Any

import pytest
import torch
from opposed import FRAMES, OPPOSED, QUIET, key_frames

from vidcondense.base.errors import VidcondenseError
from vidcondense.insertion import DropEvent, InsertionEvent
from vidcondense.insertion.dropping import Dropping, changes
from vidcondense.insertion.kinds import Gradient, L2Above, L2Below
from vidcondense.synthetic import KeyFrames


def many(through: bool = False, segments: tuple[int, ...] = (0,)) -> KeyFrames:
    """Three videos of nine frames, whose key frames are at the ends of segments and at random."""
    rng = torch.Generator().manual_seed(2)
    values = torch.randn(3, 9, 3, 2, 2, generator=rng)
    made = KeyFrames(values, torch.arange(3), 2 * len(segments), through=through, segments=segments)
    made.is_key |= torch.rand(3, 9, generator=rng) < 0.4
    return made


@pytest.mark.parametrize("through", [False, True])
@pytest.mark.parametrize("segments", [(0,), (0, 4)])
def test_the_change_is_that_of_a_linear_loss_of_the_clips(through: bool, segments: tuple[int, ...]) -> None:
    made, gradient = many(through, segments), torch.randn(3, 9, 3, 2, 2)
    found, before = changes(made, gradient), made.render()
    frames, droppable = before.shape[1], made.droppable()
    assert droppable.sum() >= 3
    for video in range(3):
        keys = made.is_key[video].nonzero().flatten().tolist()
        for t in range(frames):
            mine = [k for k in keys if (k >= segments[-1]) == (t >= segments[-1])]
            assert bool(droppable[video, t]) == (t in mine and min(mine) < t < max(mine))
            if not droppable[video, t]:
                assert found[video, t] == 0
                continue
            less = many(through, segments)
            less.is_key[video, t] = False
            after = less.render()
            torch.testing.assert_close(made.bridged()[video, t], after[video, t], rtol=1e-4, atol=1e-5)
            expected = ((after - before) * gradient).sum().item()
            assert found[video, t].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_frames_that_are_interpolated_from_a_key_frame_count() -> None:
    """The key frame's own gradient is nothing here; only that of a neighbour says what dropping costs."""
    made = key_frames()
    made.is_key[0, 2] = True
    gradient = torch.zeros(1, FRAMES, 3, 1, 1)
    with torch.no_grad():
        made.values.copy_(torch.tensor([0.0, 9.0, 4.0, 9.0, 2.0]).view(1, 5, 1, 1, 1).expand(1, 5, 3, 1, 1))
    gradient[0, 1] = 1.0
    # The frame is 4 and would be 1; frame 1, half of it, would be half of 3 less, in each of three colours.
    assert changes(made, gradient)[0].tolist() == pytest.approx([0, 0, -4.5, 0, 0])


def paying(*frames: int, videos: int = 1) -> tuple[KeyFrames, torch.Tensor]:
    """Key frames at the ends and at `frames`, and a gradient along which each of them costs 1 if dropped."""
    made = key_frames(videos)
    made.is_key[:, list(frames)] = True
    moved = made.bridged() - made.values.detach()
    gradient = torch.zeros_like(moved)
    for frame in frames:
        part = moved[:, frame].flatten(1)
        unit = part / part.square().sum(1, keepdim=True)
        gradient[:, frame] = unit.view_as(moved[:, frame])
    return made, gradient


def test_those_that_pay_stay_and_the_one_that_pays_least_goes() -> None:
    made, gradient = paying(1, 2, 3)
    assert Dropping(1).step(5, made, gradient) == []
    gradient[:, 2] *= -1
    gradient[:, 3] *= -2
    (event,) = Dropping(1).step(5, made, gradient)
    assert (event.iteration, event.video, event.position) == (5, 0, 3)
    assert event.change == pytest.approx(-2, rel=1e-4)
    assert event.to_dict() == {
        "event": "drop",
        "iteration": 5,
        "video": 0,
        "position": 3,
        "change": event.change,
    }
    assert made.is_key[0].tolist() == [True, True, True, False, True]


def test_what_costs_nothing_goes() -> None:
    made, _ = paying(2)
    assert [event.position for event in Dropping(1).step(1, made, torch.zeros(1, FRAMES, 3, 1, 1))] == [2]


def test_one_goes_of_each_video() -> None:
    made, gradient = paying(1, 3, videos=3)
    gradient[:2] *= -1
    events = Dropping(1).step(4, made, gradient)
    assert [event.video for event in events] == [0, 1]
    assert made.is_key.sum(1).tolist() == [3, 3, 4]


def test_a_frame_stays_for_some_iterations_after_it_was_inserted() -> None:
    made, gradient = paying(1, 3)
    dropping = Dropping(4)
    chosen = torch.zeros(1, FRAMES, dtype=torch.bool)
    chosen[0, 1] = True
    dropping.inserted(2, made, chosen)
    assert dropping.step(3, made, -gradient) == []
    (first,) = dropping.step(4, made, -gradient)  # 3 was there from iteration 0 on
    assert first.position == 3
    assert dropping.step(5, made, -gradient) == []
    (second,) = dropping.step(6, made, -gradient)
    assert second.position == 1


def test_as_many_stay_as_there_were_and_the_ends_always() -> None:
    made = KeyFrames(torch.randn(1, FRAMES, 3, 1, 1), torch.tensor([0]), 3)  # 0, 2 and 4
    nothing = torch.zeros(1, FRAMES, 3, 1, 1)
    assert Dropping(1).step(9, made, nothing) == []
    made.is_key[0, 3] = True
    assert [event.position for event in Dropping(1).step(9, made, nothing)] == [2]  # one of the start's
    assert made.is_key[0].nonzero().flatten().tolist() == [0, 3, 4]
    assert Dropping(1).step(9, made, nothing) == []


def drops(insertion: Gradient, made: KeyFrames, gradient: torch.Tensor, iteration: int = 5) -> list[Any]:
    return list(insertion.step(iteration, made, gradient))


def gradient_kind(kind: type[Gradient] = Gradient, **changed: Any) -> Gradient:
    return kind(kind.Settings(warm_up=0, cool_down=0, **changed), 10)  # type: ignore[arg-type]


def test_a_dropped_frame_makes_room_for_another_and_does_not_come_back_at_once() -> None:
    made, gradient = paying(2)
    insertion = gradient_kind(threshold=1.0, mean_key_frames=3.0, drop_after=3)
    dropped, inserted = drops(insertion, made, -gradient)
    assert isinstance(dropped, DropEvent) and dropped.position == 2
    assert isinstance(inserted, InsertionEvent) and inserted.position in (1, 3)
    assert made.key_frames == 3
    assert not drops(insertion, made, QUIET * 0, 7), "the new one is too young"
    again = drops(insertion, made, QUIET * 0, 8)
    assert isinstance(again[0], DropEvent) and again[0].position == inserted.position
    assert 2 in {event.position for event in drops(insertion, made, QUIET * 0, 9)} | {again[1].position}


def test_nothing_is_dropped_unless_it_is_asked_for() -> None:
    made, gradient = paying(2)
    insertion = gradient_kind(threshold=-1.0)
    assert drops(insertion, made, -gradient) == []
    assert insertion.state() == {}
    assert made.is_key[0, 2]


@pytest.mark.parametrize("kind", [Gradient, L2Above, L2Below])
def test_every_kind_that_reads_gradients_drops(kind: type[Gradient]) -> None:
    made, gradient = paying(2)
    events = drops(gradient_kind(kind, drop_after=1), made, -gradient)
    assert [event.position for event in events if isinstance(event, DropEvent)] == [2]


def test_a_smoothed_gradient_outvotes_one_step_that_says_drop() -> None:
    insertion = gradient_kind(threshold=-1.0, smoothing=0.9, drop_after=1)
    made, gradient = paying(2)
    assert drops(insertion, made, gradient, 2) == []
    assert drops(insertion, made, -gradient, 3) == []
    assert len(drops(insertion, made, -20 * gradient, 4)) == 1


def test_dropping_keeps_to_the_schedule() -> None:
    settings = Gradient.Settings(threshold=-1.0, check_every=3, drop_after=1)
    insertion = Gradient(settings, 20)  # checks in 4, 7, 10 and 13
    dropped = []
    for iteration in range(20):
        made, gradient = paying(2)
        if insertion.step(iteration, made, -gradient):
            dropped.append(iteration)
    assert dropped == [4, 7, 10, 13]


def test_ages_are_state() -> None:
    made, _ = paying(2)
    insertion, restored = gradient_kind(drop_after=4), gradient_kind(drop_after=4)
    insertion.step(3, made, OPPOSED)
    assert restored.state() == {}
    restored.restore({name: value.clone() for name, value in insertion.state().items()})
    assert list(restored.state()) == ["since"]
    assert restored.state()["since"].tolist() == insertion.state()["since"].tolist()
    assert 3 in restored.state()["since"].flatten().tolist()


@pytest.mark.parametrize(("after", "fits"), [(7, True), (8, False)])
def test_an_age_that_no_check_sees_is_refused(after: int, fits: bool) -> None:
    insertion = Gradient(Gradient.Settings(drop_after=after), 10)  # checks in 2 to 7
    if fits:
        insertion.check(key_frames())
        return
    with pytest.raises(VidcondenseError, match=r"insertion\.drop_after = 8 leaves no check .* of 10 iter"):
        insertion.check(key_frames())
