"""Whether mirrored clips keep their class, from the names of the classes."""

import pytest

from vidcondense.data.mirroring import directed, keeps_class


@pytest.mark.parametrize(
    "name",
    [
        "Pushing something from left to right",
        "TurnLeft",
        "right",
        "counter-clockwise",
        "rotate CW",
        "swipe_rightwards",
        "Turning Hand Counterclockwise",
    ],
)
def test_names_that_tell_a_direction(name: str) -> None:
    assert directed(["walk", name]) == [name]
    assert not keeps_class("auto", ["walk", name])
    assert keeps_class("yes", [name])


@pytest.mark.parametrize(
    "name", ["brush_hair", "Upright", "BodyWeightSquats", "brightness", "writing", "cleft lip", ""]
)
def test_names_that_do_not(name: str) -> None:
    assert directed([name]) == []
    assert keeps_class("auto", [name])
    assert not keeps_class("no", [name])
