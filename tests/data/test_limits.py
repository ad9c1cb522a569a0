import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts.listing import Found
from vidcondense.data.limits import Limits, chosen_classes, chosen_roles


def videos(per_class=20, splits=2):
    """Two classes; in split 0 every fourth video is for testing, in split 1 every fifth."""
    every = (4, 5, 3)[:splits]
    return [
        Found(f"{name}/{number}.avi", name, tuple("test" if number % n == 0 else "train" for n in every))
        for name in "ab"
        for number in range(per_class)
    ]


def count(chosen, class_name, split, role):
    return sum(path.startswith(class_name) and roles[split] == role for path, roles in chosen.items())


def test_at_most_so_many_of_each_class_and_role_in_every_split():
    chosen = chosen_roles(videos(), Limits(videos_per_class=4))
    for class_name in "ab":
        for split in range(2):
            assert count(chosen, class_name, split, "train") == 4
            assert count(chosen, class_name, split, "test") == 4
    official = {video.path: video.roles for video in videos()}
    for path, roles in chosen.items():
        assert all(role in (was, "unused") for role, was in zip(roles, official[path], strict=True))
        assert set(roles) != {"unused"}


def test_a_class_with_fewer_keeps_all():
    chosen = chosen_roles(videos(per_class=4, splits=1), Limits(videos_per_class=3))
    assert count(chosen, "a", 0, "train") == 3
    assert count(chosen, "a", 0, "test") == 1


def test_the_choice_follows_the_seed_alone():
    first = chosen_roles(videos(), Limits(videos_per_class=3, seed=5))
    assert chosen_roles(videos()[::-1], Limits(videos_per_class=3, seed=5)) == first
    assert chosen_roles(videos(), Limits(videos_per_class=3, seed=6)) != first
    assert set(first) <= set(chosen_roles(videos(), Limits(videos_per_class=4, seed=5)))


def test_without_limits_everything_stays():
    assert chosen_roles(videos(), Limits()) == {video.path: video.roles for video in videos()}
    assert Limits().to_dict() == {}


def test_classes_by_number_and_by_name():
    names = ("eat", "run", "walk")
    assert chosen_classes(names, Limits()) == names
    assert chosen_classes(names, Limits(classes=2)) == ("eat", "run")
    assert chosen_classes(names, Limits(class_names=("walk", "eat", "walk"))) == ("eat", "walk")


@pytest.mark.parametrize(
    ("message", "limits"),
    [
        ("no class 'wlak'; did you mean 'walk'", {"class_names": ("wlak",)}),
        ("there are 3 classes, not 4", {"classes": 4}),
        ("classes must be a whole number >= 2, not 1", {"classes": 1}),
        ("videos_per_class must be a whole number >= 1, not 0", {"videos_per_class": 0}),
        ("not both", {"classes": 2, "class_names": ("eat",)}),
    ],
)
def test_senseless_limits(message, limits):
    with pytest.raises(VidcondenseError, match=message):
        chosen_classes(("eat", "run", "walk"), Limits(**limits))
