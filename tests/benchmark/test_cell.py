"""A cell: what recipe it means, which overrides reach it, and what its folder and row are called."""

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.cell import Choices, check_overrides, label, published_name


@pytest.mark.parametrize(
    ("method", "title", "published"),
    [
        ("prism", "PRISM", "prism"),
        ("prism_small", "PRISM (small)", "prism"),
        ("whole", "Whole dataset", "whole"),
        ("alchemy", "alchemy", "alchemy"),
        ("folder/mine.toml", "mine", "folder/mine.toml"),
    ],
)
def test_what_methods_are_called(method: str, title: str, published: str) -> None:
    assert label(method) == title
    assert published_name(method) == published


def test_recipes_for_short_runs_where_there_are_some() -> None:
    short = Choices(small=True)
    assert [short.recipe_name(name) for name in ("prism", "random", "prism_small")] == [
        "prism_small",
        "random",
        "prism_small",
    ]
    assert Choices().recipe_name("prism") == "prism"


def test_arguments_are_those_of_condense() -> None:
    cell = Choices(overrides=("flip=0",), dataset="hmdb51").cell("prism", "VPC 5", 5)
    words = "--recipe prism --vpc 5 --seed 3 --dataset hmdb51 --set flip=0"
    assert cell.arguments(3, "1") == words.split()


def test_overrides_for_all_for_one_and_of_the_cell() -> None:
    chosen = Choices(
        overrides=("iterations=7", "flip=0", "dm:iterations=9", "dm:optimiser.learning_rate=2.0")
    )
    dm, prism = (chosen.cell(name, "", 1) for name in ("dm", "prism"))
    assert (dm.resolve(0, "1").iterations, dm.resolve(0, "1").optimiser.learning_rate) == (9, 2.0)
    assert prism.resolve(0, "1").iterations == 7
    assert prism.resolve(0, "1").flip == 0.0
    chosen = Choices(overrides=("insertion.warm_up=0.3",))
    assert (
        chosen.cell("prism", "", 1, overrides=("insertion.warm_up=0.0",)).resolve(0, "1").insertion.warm_up
        == 0
    )
    assert chosen.cell("whole", "", 0).overrides == ()


def test_an_override_for_all_does_not_reach_what_would_not_read_it() -> None:
    chosen = Choices(overrides=("iterations=7", "flip=0", "insertion.kind=none", "random:vpc=2"))
    assert chosen.cell("random", "", 1).overrides == ("vpc=2",)
    trained = Choices(overrides=("flip=0", "coreset.features=trained"))
    assert trained.cell("herding", "", 1).overrides == trained.overrides
    assert trained.cell("random", "", 1).overrides == ()
    assert chosen.cell("whole", "", 0).overrides == ("flip=0",)


def test_cells_have_one_folder_exactly_when_they_condense_alike() -> None:
    chosen = Choices()
    first = chosen.cell("prism", "a", 1, overrides=("flip=0.0", "iterations=3"))
    assert first.name == chosen.cell("prism", "b", 1, overrides=("iterations=3", "flip=0.0")).name
    assert first.name != chosen.cell("prism", "a", 1, overrides=("flip=0.5", "iterations=3")).name
    assert first.name != chosen.cell("prism", "a", 2, overrides=("flip=0.0", "iterations=3")).name
    long = [f"optimiser.learning_rate={value}" + "0" * 200 for value in ("0.1", "0.2")]
    names = {chosen.cell("dm", "", 1, overrides=("flip=0.1", f"name={text}")).name for text in long}
    assert len(names) == 2
    assert max(map(len, names)) < 120


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("iterations", "key=value"),
        ("iteration=3", "did you mean 'iterations'"),
        ("dm:optimizer.momentum=0", "did you mean 'optimiser.momentum'"),
        ("vpc=3", "use --vpc"),
        ("seed=3", "use --seeds"),
    ],
)
def test_an_override_that_no_cell_can_take(text: str, message: str) -> None:
    with pytest.raises(VidcondenseError, match=message):
        check_overrides((text,), [])


def test_an_override_may_name_the_split() -> None:
    cell = Choices().cell("mtt", "", 1, overrides=("objective.experts=experts-{split}",))
    assert cell.resolve(0, "2").objective.experts.endswith("/experts-2")
    assert cell.arguments(0, "3")[-1] == "objective.experts=experts-3"
    assert "{" not in cell.name


def test_a_recipe_of_your_own_goes_by_the_name_of_its_file() -> None:
    cell = Choices(overrides=("mine:iterations=7", "other:iterations=9")).cell("folder/mine.toml", "", 1)
    assert (cell.row, cell.overrides) == ("mine", ("iterations=7",))
    assert Choices().cell("folder/prism.toml", "top-1", 1).reference == ("folder/prism.toml", "top-1")
