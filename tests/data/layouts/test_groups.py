"""Related clips: told by their names, and kept on one side of a made split."""

import pytest
from sources import classes, roles, touch

from vidcondense.data.layouts.groups import group_of
from vidcondense.data.layouts.listing import Found, hold_out, leaks
from vidcondense.data.sources import find_videos

RELATED = [
    ("v_Archery_g01_c01.avi", "v_Archery_g01_c07.avi", "v_Archery_g02_c01.avi"),  # UCF101
    (
        "v_shooting_01/v_shooting_01_01.mpg",
        "v_shooting_01/v_shooting_01_02.mpg",
        "v_shooting_02/v_shooting_02_01.mpg",
    ),  # UCF11
    (
        "50_FIRST_DATES_kick_f_cm_np1_ba_med_19.avi",
        "50_FIRST_DATES_kick_f_cm_np2_le_bad_3.avi",
        "Titanic_kick_f_cm_np1_ba_med_19.avi",
    ),  # HMDB51
    (
        "-3B32lodo2M_000059_000069.mp4",
        "-3B32lodo2M_000010_000020.mp4",
        "aB32lodo2M-_000059_000069.mp4",
    ),  # Kinetics
    (
        "person01_boxing_d1_uncomp.avi",
        "person01_boxing_d4_uncomp.avi",
        "person11_boxing_d1_uncomp.avi",
    ),  # KTH
    ("film_part3.mp4", "film_part12.mp4", "other_part3.mp4"),
    ("_8Vy3dlHg2w_00000.mp4", "_8Vy3dlHg2w_00012.mp4", "-8Vy3dlHg2w_00000.mp4"),  # Diving48
    (
        "S001C001P003R001A001_rgb.avi",
        "S002C003P003R002A007_rgb.avi",
        "S001C001P004R001A001_rgb.avi",
    ),  # NTU RGB+D
    ("Subject_3_take.mp4", "subject_3.mp4", "subject_31.mp4"),
]


@pytest.mark.parametrize(("one", "two", "other"), RELATED)
def test_related_clips_have_one_group_and_others_another(one, two, other):
    assert group_of(one) == group_of(two) is not None
    assert group_of(other) not in (None, group_of(one))


@pytest.mark.parametrize(
    "name", ["v1.mp4", "0001.avi", "run.mp4", "part3.mp4", "clip_0001.mp4", "2024-01-02.mov"]
)
def test_names_that_tell_nothing(name):
    assert group_of(name) is None


def sides(paths, chosen):
    """How many videos of each group are for testing, of how many."""
    count = {}
    for path in paths:
        group = path.rpartition("_c")[0]
        tests, total = count.get(group, (0, 0))
        count[group] = tests + (chosen[path] == "test"), total + 1
    return count


@pytest.mark.parametrize(
    ("groups", "clips", "fraction", "held"), [(25, 4, 0.2, 5), (5, 7, 0.2, 1), (3, 4, 0.2, 1), (2, 9, 0.5, 1)]
)
def test_groups_are_held_out_as_a_whole(groups, clips, fraction, held):
    paths = [f"a/v_A_g{group:02d}_c{number:02d}.avi" for group in range(groups) for number in range(clips)]
    count = sides(paths, hold_out(paths, fraction))
    assert {tests for tests, _ in count.values()} == {0, clips}
    assert sum(tests == total for tests, total in count.values()) == held


def test_a_group_keeps_its_side_when_others_come():
    paths = [f"a/v_A_g{group:02d}_c{number:02d}.avi" for group in range(40) for number in range(3)]
    before, after = hold_out(paths[:-3], 0.25), hold_out(paths, 0.25)
    changed = {path.rpartition("_c")[0] for path in before if before[path] != after[path]}
    assert len(changed) <= 1


def test_a_class_that_is_one_group_is_split_by_video():
    chosen = hold_out([f"a/v_A_g01_c{number:02d}.avi" for number in range(10)], 0.2)
    assert sorted(chosen.values()) == ["test"] * 2 + ["train"] * 8


def test_the_made_split_of_a_source_keeps_groups_together(tmp_path):
    touch(
        tmp_path,
        *[
            f"{c}/person{p:02d}_{c}_d{d}_uncomp.avi"
            for c in ("boxing", "running")
            for p in range(5)
            for d in range(4)
        ],
    )
    source = find_videos(tmp_path)
    for name in source.class_names:
        of_class = {path: role for path, role in roles(source).items() if classes(source)[path] == name}
        tested = {path.split("_")[0] for path, role in of_class.items() if role == "test"}
        trained = {path.split("_")[0] for path, role in of_class.items() if role == "train"}
        assert len(tested) == 1
        assert not tested & trained
    assert source.notes == ()


def given(*videos):
    return [Found(path, class_name, (role,)) for path, class_name, role in videos]


def test_a_given_split_with_one_group_on_both_sides_is_warned_of(tmp_path):
    touch(
        tmp_path,
        "train/a/v_A_g01_c01.avi",
        "train/a/v_A_g02_c01.avi",
        "train/b/1.avi",
        "test/a/v_A_g01_c02.avi",
        "test/b/2.avi",
    )
    (note,) = find_videos(tmp_path).notes
    assert note.startswith(
        "warning: 1 group of related clips with training and test videos in split '1' (v_a_g01)"
    )


def test_groups_on_both_sides():
    both = given(
        ("film_part1.mp4", "a", "train"),
        ("film_part2.mp4", "b", "test"),
        ("x.mp4", "a", "test"),
        ("y.mp4", "b", "train"),
    )
    assert leaks(both, 0) == ["film"]
    unused = [*both[:1], *given(("film_part2.mp4", "b", "unused")), *both[2:]]
    assert leaks(unused, 0) == []
    # All videos of a class called alike tell nothing.
    named = given(*[(f"run_clip_{n}.mp4", "run", "train" if n else "test") for n in range(5)])
    assert leaks(named, 0) == []
