"""Which cells each benchmark consists of: pure functions, no store."""

from dataclasses import replace

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.cell import Choices
from vidcondense.benchmark.grids import BENCHMARKS, with_controls
from vidcondense.recipes import load as recipe


def cells(name: str, **choices: object):  # type: ignore[no-untyped-def]
    return BENCHMARKS[name].cells(Choices(**choices))  # type: ignore[arg-type]


def test_accuracy_is_methods_by_vpc_and_the_whole_dataset() -> None:
    made = cells("accuracy")
    assert len(made) == 6 * 3 + 1
    assert {(cell.row, cell.vpc) for cell in made if cell.recipe == "prism"} == {
        ("PRISM", vpc) for vpc in (1, 5, 10)
    }
    assert made[-1].row == "Whole dataset" and not made[-1].recipe
    assert all(cell.networks == ("minic3d+convnet3d",) for cell in made)
    assert made[0].reference == ("random", "VPC 1")


def test_published_hyper_parameters_of_a_dataset_where_the_recipe_has_them() -> None:
    made = {cell.recipe: cell for cell in cells("accuracy", vpc=(5,), dataset="hmdb51")}
    assert made["prism"].dataset == "hmdb51"
    assert made["prism"].resolve(0, "1").optimiser.learning_rate == 25.0
    assert made["dm"].dataset is None  # its published step size is for miniUCF alone


def test_ablation_changes_one_thing_at_a_time() -> None:
    made = {cell.row: cell.overrides for cell in cells("ablation")}
    assert made["PRISM"] == ()
    assert made["A: without insertion"] == ("insertion.kind=none",)
    assert made["D: without warm-up"] == ("insertion.warm_up=0.0",)
    assert len(made) == 6


def test_initial_frames_up_to_those_of_a_clip() -> None:
    assert [cell.row for cell in cells("initial-frames", frames=8)] == [
        f"{count} key frames" for count in (2, 3, 4, 6, 8)
    ]
    assert len(cells("initial-frames", frames=4)) == 3


def test_taxonomy_starts_from_all_frames_and_varies_each_number() -> None:
    made = [cell.row for cell in cells("taxonomy", frames=8)]
    assert made[0] == "8, 8, 1, linear"
    assert {"1, 8, 1, linear", "4, 4, 1, linear", "4, 8, 4, linear", "4, 8, 1, nearest"} <= set(made)
    assert len(set(made)) == len(made)


def test_sets_alone_are_not_evaluated() -> None:
    for name in ("storage", "flow", "motion", "retrieval", "frames"):
        assert all(cell.networks == () for cell in cells(name))


def test_a_grid_of_ones_own() -> None:
    made = cells(
        "grid",
        cells=("mine=--recipe prism_small --vpc 2 --set flip=0 --set iterations=5", "r=--recipe random"),
    )
    assert [(cell.row, cell.recipe, cell.vpc) for cell in made] == [
        ("mine", "prism_small", 2),
        ("r", "random", 1),
    ]
    assert made[0].resolve(4, "1") == recipe.load(
        "prism_small", vpc=2, overrides={"flip": 0, "iterations": 5, "seed": 4}
    )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ((), "grid needs cells"),
        (("mine",), "LABEL=ARGUMENTS"),
        (("mine=--recipe",), "LABEL=ARGUMENTS"),
        (("mine=--out x",), "LABEL=ARGUMENTS"),
        (("mine=--vpc 1",), "names no --recipe"),
        (("mine=--recipe dm --vpc few",), "--vpc is a number"),
        (("a=--recipe dm", "a=--recipe random"), "two cells have this label"),
    ],
)
def test_a_grid_that_is_not_understood(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(VidcondenseError, match=message):
        cells("grid", cells=texts)


def test_every_judged_table_has_the_controls_once_per_column() -> None:
    choices = Choices(vpc=(1, 5), overrides=("dm:iterations=7", "iterations=9"), small=True)
    own = BENCHMARKS["ablation"].cells(choices)
    made = with_controls(own, choices)
    assert made[: len(own)] == own
    added = made[len(own) :]
    names = ["random", "herding", "class_mean", "still"]
    assert [(cell.recipe, cell.column, cell.vpc) for cell in added[:-1]] == [
        (name, column, vpc) for name in names for column, vpc in (("VPC 1", 1), ("VPC 5", 5))
    ]
    assert not any(cell.overrides for cell in added)  # the user's would make something else of a control
    assert added[-1].recipe == "" and added[-1].column == "all"
    assert {cell.networks for cell in made} == {("minic3d+convnet3d",)}
    assert with_controls(own, replace(choices, controls=False)) == own
    stored = BENCHMARKS["storage"].cells(choices)
    assert with_controls(stored, choices) == stored  # nothing is judged


def test_controls_have_the_fewest_videos_of_their_column() -> None:
    choices = Choices(cells=("a=--recipe dm --vpc 7", "b=--recipe dm --vpc 2"))
    added = with_controls(BENCHMARKS["grid"].cells(choices), choices)[2:]
    assert [(cell.recipe, cell.vpc) for cell in added[:-1]] == [
        (name, 2) for name in ("random", "herding", "class_mean", "still")
    ]


def test_controls_that_are_there_are_not_added_again() -> None:
    choices = Choices(cells=("a=--recipe random", "Herding=--recipe prism_small"))
    added = with_controls(BENCHMARKS["grid"].cells(choices), choices)[2:]
    assert [cell.row for cell in added] == ["Class mean", "One real frame", "Whole dataset"]
    assert {cell.column for cell in added} == {""}  # one table, in which all can be compared
    whole = added[-1]
    assert (whole.seeds((4, 5)), added[0].seeds((4, 5))) == ((4,), (4, 5))


def test_bytes_are_methods_by_budget_and_one_budget_by_steps() -> None:
    made = cells("bytes", methods=("random", "whole"), budgets=("8KB", "16KB", "1MB"))
    coded = [(cell.column, cell.budget, cell.steps) for cell in made if cell.recipe]
    assert coded == [
        ("8KB", 8000, 360),
        ("16KB", 16_000, 360),
        ("1MB", 10**6, 360),
        *((f"16KB, {steps} steps", 16_000, steps) for steps in (90, 180, 720)),
    ]
    assert all(cell.fitted for cell in made if cell.recipe)
    assert made[-1].row == "Whole dataset" and made[-1].steps == 360
    assert with_controls(made, Choices()) == made  # it has its own
    assert {cell.steps for cell in cells("bytes", protocol="strict")} == {0}
    assert len(cells("bytes")) == 10 * (8 + 3) + 1
