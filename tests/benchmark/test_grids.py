"""Which cells each benchmark consists of: pure functions, no store."""

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark import BENCHMARKS
from vidcondense.benchmark.cell import Choices, check_overrides
from vidcondense.benchmark.equal_bytes import affordable, cells_within
from vidcondense.recipes import recipe


def cells(name: str, **choices: object):  # type: ignore[no-untyped-def]
    return BENCHMARKS[name].cells(Choices(**choices))  # type: ignore[arg-type]


def test_accuracy_is_methods_by_vpc_and_the_whole_dataset() -> None:
    made = cells("accuracy")
    assert len(made) == 6 * 3 + 1
    assert {(cell.row, cell.vpc) for cell in made if cell.recipe == "prism"} == {
        ("PRISM", vpc) for vpc in (1, 5, 10)
    }
    assert made[-1].row == "Whole dataset" and not made[-1].recipe
    assert all(cell.networks == ("minic3d",) for cell in made)
    assert made[0].reference == ("random", "VPC 1")


def test_recipes_for_short_runs_where_there_are_some() -> None:
    names = {cell.row: cell.recipe for cell in cells("accuracy", small=True, vpc=(1,))}
    assert names["PRISM"] == "prism_small"
    assert names["Random"] == "random"


def test_published_hyper_parameters_of_a_dataset_where_the_recipe_has_them() -> None:
    made = {cell.recipe: cell for cell in cells("accuracy", vpc=(5,), dataset="hmdb51")}
    assert made["prism"].dataset == "hmdb51"
    assert made["prism"].resolve(0, "1").optimiser.learning_rate == 25.0
    assert made["dm"].dataset is None  # its published step size is for miniUCF alone


def test_overrides_for_all_for_one_and_of_the_cell() -> None:
    chosen = Choices(
        overrides=("iterations=7", "flip=0", "dm:iterations=9", "dm:optimiser.learning_rate=2.0")
    )
    dm, prism, random = (chosen.cell(name, "", 1) for name in ("dm", "prism", "random"))
    assert (dm.resolve(0, "1").iterations, dm.resolve(0, "1").optimiser.learning_rate) == (9, 2.0)
    assert prism.resolve(0, "1").iterations == 7
    assert (random.resolve(0, "1").iterations, random.resolve(0, "1").flip) == (0, 0.0)
    chosen = Choices(overrides=("insertion.warm_up=0.3",))
    assert (
        chosen.cell("prism", "", 1, overrides=("insertion.warm_up=0.0",)).resolve(0, "1").insertion.warm_up
        == 0
    )
    assert chosen.cell("whole", "", 0).overrides == ()


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
    for name in ("storage", "flow", "frames"):
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
        check_overrides((text,))


def settle(true_sizes: dict[int, float], start: int, budget: float) -> int:
    """Ask `affordable` as the runner does, with a method whose sizes are only known once condensed."""
    known = {start: true_sizes.get(start, float("inf"))}
    for _ in range(10):
        vpc, measured = affordable(known, budget)
        if measured:
            return vpc
        assert vpc not in known
        known[vpc] = true_sizes.get(vpc, float("inf"))
    raise AssertionError("not settled")


def test_videos_that_fit_into_a_budget_by_trying_all() -> None:
    for growth in (1.0, 1.2, 0.9):
        sizes = {vpc: 30.0 * vpc**growth for vpc in range(1, 9)}
        for budget in (10.0, 30.0, 64.0, 100.0, 150.0):
            found = settle(sizes, 1, budget)
            assert found == 0 or sizes[found] <= budget
            # With bytes in proportion, or more, nothing larger fits.
            if growth >= 1:
                assert found == max((vpc for vpc, size in sizes.items() if size <= budget), default=0)


def test_a_class_with_too_few_videos_ends_the_search() -> None:
    assert settle({1: 10.0, 2: 20.0, 3: 30.0}, 1, 80.0) in (1, 2, 3)


def test_equal_bytes_gives_every_method_what_it_affords() -> None:
    made = cells("tradeoff", methods=("random", "dm", "prism"), vpc=(1,))
    sizes = {("Random", 1): 100.0, ("DM", 1): 100.0, ("PRISM", 1): 40.0}
    more, settled = cells_within(made, sizes)
    assert not settled
    assert {(cell.row, cell.vpc) for cell in more} == {("Random", 1), ("DM", 1), ("PRISM", 2)}
    more, settled = cells_within(
        made, {**sizes, ("PRISM", 2): 104.0}
    )  # it needs more per video with more of them
    assert settled
    assert {(cell.row, cell.vpc) for cell in more} == {("Random", 1), ("DM", 1), ("PRISM", 1)}
    more, settled = cells_within(made, {**sizes, ("PRISM", 2): 90.0})
    assert settled and ("PRISM", 2) in {(cell.row, cell.vpc) for cell in more}
    assert {cell.column for cell in more} == {"bytes of Random at VPC 1"}


def test_an_override_may_name_the_split() -> None:
    cell = Choices().cell("dm", "", 1, overrides=("objective.experts=experts-{split}",))
    assert cell.resolve(0, "2").objective.experts.endswith("/experts-2")
    assert cell.arguments(0, "3")[-1] == "objective.experts=experts-3"
    assert "{" not in cell.name


def test_a_recipe_of_your_own_goes_by_the_name_of_its_file() -> None:
    cell = Choices(overrides=("mine:iterations=7", "other:iterations=9")).cell("folder/mine.toml", "", 1)
    assert (cell.row, cell.overrides) == ("mine", ("iterations=7",))
    assert Choices().cell("folder/prism.toml", "top-1", 1).reference == ("folder/prism.toml", "top-1")
