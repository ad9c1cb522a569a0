"""Published hyper-parameters: which row is taken for which store and VPC, and what is said of it."""

import math
from pathlib import Path

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.recipes import load as recipe
from vidcondense.recipes.published import Published, choose

STEP = "optimiser.learning_rate"


def rows(**by_vpc: float) -> list[Published]:
    return [{"dataset": "hmdb51", "vpc": int(key[1:]), "set": {STEP: size}} for key, size in by_vpc.items()]


def test_a_row_that_is_there_is_taken_in_silence() -> None:
    chosen = choose("mine", rows(v1=0.5, v10=7.0), "hmdb51", 10, store="HMDB51")
    assert (chosen.settings, chosen.remarks) == ({STEP: 7.0}, ())
    assert choose("mine", [], None, 3, store="mine").remarks == ()


def test_a_vpc_between_rows_has_a_step_size_between_theirs_and_says_so() -> None:
    given = rows(v1=1.0, v5=25.0, v10=50.0)  # PRISM's for miniUCF: VPC squared, then VPC
    for vpc, size in ((2, 4.0), (3, 9.0), (4, 16.0), (8, 40.0)):
        chosen = choose("mine", given, "hmdb51", vpc)
        assert chosen.settings[STEP] == pytest.approx(size)
        (line,) = chosen.remarks
        assert f"no published settings for VPC {vpc}" in line and "between those of VPC" in line


def test_a_vpc_beyond_the_rows_has_a_step_size_in_proportion() -> None:
    given = rows(v2=3.0, v10=50.0)
    for vpc, size in ((1, 1.5), (20, 100.0)):
        chosen = choose("mine", given, "hmdb51", vpc)
        assert chosen.settings[STEP] == pytest.approx(size)
        assert "in proportion to VPC" in chosen.remarks[0]


def test_all_else_is_of_the_nearest_row_on_a_logarithmic_scale() -> None:
    given: list[Published] = [
        {"dataset": "ssv2", "vpc": vpc, "set": {"objective.batch_real": batch}}
        for vpc, batch in ((1, 64), (9, 128))
    ]
    for vpc, batch in ((2, 64), (3, 64), (4, 128), (50, 128)):
        chosen = choose("mine", given, None, vpc)
        assert chosen.settings == {"objective.batch_real": batch}
        assert "the nearest" in chosen.remarks[0] and STEP not in chosen.remarks[0]


def test_another_dataset_gets_the_first_rows_and_a_line() -> None:
    chosen = choose("prism", rows(v1=0.7), None, 1, store="jhmdb21")
    assert chosen.settings == {STEP: 0.7}
    assert chosen.remarks == ("recipe prism: no published settings for 'jhmdb21': those of HMDB51 are used",)
    with pytest.raises(VidcondenseError, match="for 'miniucf'; it has them for hmdb51"):
        choose("prism", rows(v1=0.7), "miniucf", 1)


def test_lines_are_of_what_is_taken_alone() -> None:
    assert recipe.remarks("prism", vpc=5, dataset="hmdb51", store="hmdb51") == ()
    assert recipe.remarks("prism_small", vpc=3, store="mine") == ()
    assert len(recipe.remarks("prism", vpc=3, store="mine")) == 2
    assert recipe.remarks("prism", vpc=3, store="mine", overrides={STEP: 2.0}) == ()
    assert "images" not in " ".join(recipe.remarks("dc", store="mine"))


@pytest.mark.parametrize("name", recipe.available())
def test_no_vpc_falls_back_to_the_file_in_silence(name: str) -> None:
    for dataset in recipe.datasets(name):
        known = {row["vpc"] for row in recipe.read(name)["published"] if row["dataset"] == dataset}
        for vpc in {1, 2, 3, 5, 7, 10, 20} - known:
            assert recipe.remarks(name, vpc=vpc, dataset=dataset, store="any")
    if name == "prism":
        assert recipe.load(name, vpc=7, dataset="hmdb51").optimiser.learning_rate != 1.0


@pytest.mark.parametrize("name", recipe.available())
def test_no_clip_of_something_something_is_mirrored(name: str) -> None:
    if "ssv2" in recipe.datasets(name):
        for vpc in (1, 3, 5, 10):
            assert recipe.load(name, vpc=vpc, dataset="ssv2").flip == 0
        assert recipe.load(name, dataset="hmdb51").flip == 0.5


def test_dm_steps_as_far_as_the_published_code() -> None:
    """In the long run lr / (1 - momentum) times the gradient, which falls with 1 / VPC."""
    for vpc in (1, 2, 5, 10):
        values = recipe.load("dm", vpc=vpc).fields()
        along = values[STEP] / (1 - values["optimiser.momentum"])
        assert math.isclose(along / vpc, 30 / (1 - 0.5), rel_tol=0.01)
    for name, frames in (("segments", 4), ("repeated_frame", 16)):
        values = recipe.load(name).fields()
        assert values[STEP] / (1 - values["optimiser.momentum"]) == pytest.approx(60 / frames, rel=0.1)


def test_the_two_readings_of_prism_differ_in_their_two_choices_alone() -> None:
    for dataset in recipe.datasets("prism"):
        for vpc in (1, 3, 5):
            ours, theirs = (
                recipe.load(name, vpc=vpc, dataset=dataset).fields() for name in ("prism", "prism_cvpr")
            )
            different = {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}
            assert {key for key in different if key not in ("name", "description")} == {
                "synthetic.interpolation_gradient",
                "insertion.select",
            }
            assert different["synthetic.interpolation_gradient"] == ("detached", "through")
            assert different["insertion.select"] == ("lowest", "all")
    assert recipe.datasets("prism") == recipe.datasets("prism_cvpr")


def test_rows_of_another_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('based_on = "prism"\npublished = "prism"\n')
    loaded = recipe.load(str(tmp_path / "mine.toml"), vpc=5, dataset="kinetics400")
    assert loaded.optimiser.learning_rate == 50.0
    (tmp_path / "mine.toml").write_text('published = "mine.toml"\n')
    with pytest.raises(VidcondenseError, match="or on itself"):
        recipe.load(str(tmp_path / "mine.toml"))
