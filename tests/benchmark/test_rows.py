"""Rows: means over splits and seeds, which rows are compared, and where published figures stand."""

import pytest

from vidcondense.benchmark import FIRST
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.published import NETWORK, Published
from vidcondense.benchmark.results import Judged, Made, Result
from vidcondense.benchmark.rows import Row, build_rows
from vidcondense.benchmark.statistics import Difference, Pair

SEEDS: tuple[Pair, ...] = (("1", 0), ("1", 1))


def made(bytes_: int, key_frames: float | None = 2.0) -> Made:
    return Made(key_frames, bytes_, bytes_ + 100, bytes_ / 1000, {})


def row(*judged: Judged, sets: tuple[Made, ...] = ()) -> Row:
    return Row(
        "PRISM",
        "VPC 1",
        1,
        "prism",
        "minic3d",
        dict(zip(SEEDS, sets, strict=False)),
        dict(zip(SEEDS, judged, strict=False)),
    )


def test_accuracy_is_over_networks_and_the_deviation_of_sets_over_their_means() -> None:
    measured = row(Judged((10.0, 20.0), 1), Judged((30.0, 60.0), 0), sets=(made(1000), made(3000, None)))
    flat = measured.flat()
    assert flat["mean"] == 30.0
    assert flat["std"] == pytest.approx((1400 / 3) ** 0.5)  # of 10, 20, 30, 60
    assert flat["std_of_sets"] == pytest.approx(30 / 2**0.5)  # of 15 and 45
    assert (flat["sets"], flat["networks"], flat["diverged"]) == (2, 5, 1)
    assert (flat["stored_bytes"], flat["file_bytes"], flat["seconds"]) == (2000, 2100, 2)
    assert flat["mib"] == 2000 / 2**20
    assert flat["key_frames"] == 2.0  # the other set has none


def test_a_set_without_a_trained_network_counts_as_diverged_and_in_no_mean() -> None:
    measured = row(Judged((), 2), Judged((50.0,), 1), sets=(made(1), made(1)))
    assert measured.set_means == {("1", 0): None, ("1", 1): 50.0}
    flat = measured.flat()
    assert (flat["mean"], flat["std"], flat["std_of_sets"]) == (50.0, None, None)
    assert (flat["networks"], flat["diverged"]) == (4, 3)


def test_the_whole_dataset_has_evaluations_and_no_bytes() -> None:
    flat = Row("Whole dataset", "all", 0, "", "minic3d", {}, {("1", 0): Judged((70.0,), 0)}).flat()
    assert (flat["vpc"], flat["sets"], flat["mib"], flat["key_frames"]) == (None, 1, None, None)


def test_sets_that_nobody_judged_are_counted() -> None:
    assert row(sets=(made(1), made(1))).sets == 2


def test_columns_of_differences_and_published_figures() -> None:
    measured = Row(
        *("PRISM", "VPC 1", 1, "prism", "minic3d", {}, {}),
        against={"DM": Difference(1.5, 0.5, 3, 1)},
        published=(Published("accuracy", "miniucf", "prism", "VPC 1", "DFS", 17.9, 0.3),),
    )
    assert list(measured.flat().items())[-6:] == [
        ("against DM", 1.5),
        ("against DM, half width", 0.5),
        ("against DM, pairs", 3),
        ("against DM, left out", 1),
        ("published miniUCF (DFS)", 17.9),
        ("published miniUCF (DFS), std", 0.3),
    ]


def cell(name: str, column: str = "VPC 1", networks: tuple[str, ...] = ("minic3d",)) -> Cell:
    return Cell(name, column, name, 1, networks=networks, reference=(name, column))


def result(*values: float, networks: tuple[str, ...] = ("minic3d",)) -> Result:
    judged = {pair: Judged((value,), 0) for pair, value in zip(SEEDS, values, strict=True)}
    return Result({pair: made(100) for pair in SEEDS}, dict.fromkeys(networks, judged))


def no_figures(row: str, column: str) -> list[Published]:
    return []


def test_rows_are_compared_within_their_column() -> None:
    results = {
        cell("random"): result(10.0, 12.0),
        cell("dm"): result(13.0, 17.0),
        cell("dm", "VPC 5"): result(1.0, 2.0),
    }
    first, second, alone = build_rows(list(results), results, ("random",), no_figures)
    assert first.against == {}
    assert second.against["random"].mean == 4.0
    assert second.against["random"].pairs == 2
    assert alone.against == {}


def test_the_first_row_of_a_column_is_the_one_of_that_column() -> None:
    results = {
        cell("a"): result(10.0, 10.0),
        cell("b", "VPC 5"): result(20.0, 20.0),
        cell("c"): result(11.0, 11.0),
        cell("c", "VPC 5"): result(24.0, 24.0),
    }
    rows = build_rows(list(results), results, (FIRST,), no_figures)
    assert [list(row.against) for row in rows] == [[], [], ["a"], ["b"]]
    assert rows[3].against["b"].mean == 4.0


def test_several_networks_are_named_in_the_column_and_compared_apart() -> None:
    both = ("minic3d", "cnn_gru")
    results = {
        cell(name, "", both): result(value, value, networks=both) for name, value in (("a", 1.0), ("b", 3.0))
    }
    rows = build_rows(list(results), results, ("a",), no_figures)
    assert [(row.method, row.column) for row in rows] == [
        (name, network) for name in ("a", "b") for network in both
    ]
    assert [row.against["a"].mean for row in rows[2:]] == [2.0, 2.0]


def test_cells_of_which_nothing_is_finished_have_no_row() -> None:
    results = {cell("a"): Result({}, {}), cell("b"): result(1.0, 2.0)}
    assert [row.method for row in build_rows(list(results), results, (), no_figures)] == ["b"]


def test_published_figures_are_of_the_papers_network_alone() -> None:
    def figures(row: str, column: str) -> list[Published]:
        return [Published("accuracy", "miniucf", row, column, "DFS", 1.0)]

    both = ("minic3d", "cnn_gru")
    by_network = Cell("c", "", "c", 1, networks=both, reference=("c", NETWORK))
    none = Cell("d", "", "d", 1, networks=both)
    results = {chosen: result(1.0, 2.0, networks=both) for chosen in (cell("a", "", both), by_network, none)}
    rows = build_rows(list(results), results, (), figures)
    assert [[(figure.row, figure.column) for figure in row.published] for row in rows] == [
        *([("a", "")], []),
        *([("c", "minic3d")], [("c", "cnn_gru")]),
        *([], []),
    ]
