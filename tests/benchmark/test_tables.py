"""Tables in Markdown and CSV: rounding, marks, and what stands where there is nothing."""

import csv
import io

import pytest

from vidcondense.benchmark import tables
from vidcondense.benchmark.published import Published
from vidcondense.benchmark.rows import Row
from vidcondense.benchmark.statistics import Difference
from vidcondense.evaluation.results import mean_std

PAIR = ("1", 0)
FIGURE = Published("accuracy", "miniucf", "prism", "VPC 1", "DFS", 17.9, 0.3)


def row(
    method: str,
    column: str = "VPC 1",
    values: tuple[float, ...] = (40.0, 60.0),
    against: dict[str, Difference] | None = None,
    published: tuple[Published, ...] = (),
    key_frames: float | None = 2.5,
) -> Row:
    mean, std = mean_std(values)
    keys = {"walk": 2.0, "run": 3.0} if key_frames else {}
    accuracies = {"walk": 81.6, "run": 18.4} if values else {}
    return Row(
        *(method, column, 1, "x", "minic3d"),
        *(mean, std, None, None, 1, len(values) + 1, 1),
        *(key_frames, 3.0, 3 * 2**20, 12345, 7.4),
        set_means={} if column == "nothing" else {PAIR: mean},
        classes={name: (accuracy, keys.get(name)) for name, accuracy in accuracies.items()},
        against=against or {},
        published=published,
    )


def lines(text: str) -> list[list[str]]:
    return [[entry.strip() for entry in line.strip("|").split(" | ")] for line in text.splitlines()]


def shown(table: list[tables.Line]) -> list[list[str]]:
    return lines(tables.markdown(table))


def test_markdown_keeps_its_columns_whatever_a_text_holds() -> None:
    text = tables.markdown([{"a": "x|y", "b": "1\n2"}])
    assert text == "| a | b |\n| --- | ---: |\n| x\\|y | 1 2 |\n"


def test_csv_has_every_column_and_empty_fields() -> None:
    text = tables.comma_separated([{"a": 1, "b, c": None}, {"a": 0.1 + 0.2, "d": "x"}])
    assert list(csv.reader(io.StringIO(text))) == [
        ["a", "b, c", "d"],
        ["1", "", ""],
        ["0.30000000000000004", "", "x"],
    ]


def test_floats_are_rounded_in_markdown_alone() -> None:
    text = tables.markdown([{"class": 3, "x": 1.256, "y": 1234.5, "z": None}])
    assert lines(text)[2:] == [["3", "1.26", "1234.50", "-"]]
    assert lines(tables.markdown([{"x": 1.26}], digits=1))[2:] == [["1.3"]]


def test_the_overview_has_a_column_per_condition_marks_and_published_figures() -> None:
    star, no_star = Difference(5.0, 1.0, 6, 0, 0.01, 0.02), Difference(5.0, 6.0, 6, 0, 0.01, 0.02)
    rows = [
        row("Random"),
        row("DM", against={"Random": star}),
        row("PRISM", against={"Random": star, "DM": star}, published=(FIGURE,)),
        row("PRISM", "VPC 5", against={"DM": no_star}),
    ]
    head, _, *body = shown(tables.overview(rows))
    assert head == ["method", "VPC 1", "VPC 5", "published miniUCF (DFS), VPC 1"]
    assert body == [
        ["Random", "50.0 ± 14.1", "-", "-"],
        ["DM", "50.0 ± 14.1 *", "-", "-"],
        ["PRISM", "50.0 ± 14.1 * †", "50.0 ± 14.1", "17.9 ± 0.3"],
    ]
    assert tables.marks(rows) == {"Random": "*", "DM": "†"}


def test_the_overview_of_sets_that_nobody_judged_has_mebibytes() -> None:
    assert shown(tables.overview([row("DM", "nothing")]))[2:] == [["DM", "3.00"]]
    assert shown(tables.overview([row("DM", "")]))[0] == ["method", "measured"]


def test_details_have_everything_about_a_row() -> None:
    rows = [row("Random", values=()), row("DM", "")]
    head, _, first, second = shown(tables.details(rows, judged=True))
    assert head[-4:] == ["accuracy %", "std of sets", "std of networks", "diverged"]
    assert first == ["Random", "VPC 1", "1", "1", "2.50", "3.00", "12,345", "7", "-", "-", "-", "1 of 1"]
    assert second == [
        "DM",
        "-",
        "1",
        "1",
        "2.50",
        "3.00",
        "12,345",
        "7",
        "50.0 ± 14.1",
        "-",
        "-",
        "1 of 3",
    ]
    assert len(shown(tables.details(rows, judged=False))[0]) == 8


def test_comparisons_have_all_that_a_verdict_rests_on() -> None:
    known = Difference(-5.04, 1.0, 9, 2, 0.0004, 0.0123, 0.4, verdict="worse")
    rows = [row("Random"), row("DM", "", against={"Random": known, "PRISM": Difference(1.0, None, 1, 0)})]
    head, _, first, second = shown(tables.comparisons(rows, with_level=True))
    assert head == [
        *("method", "column", "against", "verdict", "difference", "pairs", "left out"),
        *("p", "p by Holm", "p of level by Holm"),
    ]
    assert first == ["DM", "-", "Random", "worse", "-5.0 ± 1.0 *", "9", "2", "< 0.001", "0.012", "0.400"]
    assert second == ["DM", "-", "PRISM", "not resolved", "+1.0", "1", "0", "-", "-", "-"]
    assert len(shown(tables.comparisons(rows, with_level=False))[0]) == 9


def test_classes_have_accuracy_and_key_frames() -> None:
    rows = [row("PRISM"), row("Wang", "", key_frames=None), row("DM", values=()), row("DC", "nothing")]
    assert shown(tables.per_class(rows)) == [
        ["class", *(f"{name}: % (key frames)" for name in ("PRISM, VPC 1", "Wang", "DM, VPC 1"))],
        ["---", "---:", "---:", "---:"],
        ["walk", "82 (2.0)", "82", "-"],
        ["run", "18 (3.0)", "18", "-"],
    ]


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (Difference(None, None, 0, 1), "-"),
        (Difference(1.24, None, 1, 0), "+1.2"),
        (Difference(-1.0, 2.0, 6, 0, 0.01, 0.01), "-1.0 ± 2.0"),
        (Difference(3.0, 2.0, 6, 0, 0.01, 0.06), "+3.0 ± 2.0"),
        (Difference(3.0, 2.0, 6, 0, 0.01, 0.01), "+3.0 ± 2.0 *"),
    ],
)
def test_a_star_stands_only_where_interval_and_test_agree(difference: Difference, text: str) -> None:
    assert tables.difference(difference) == text


def test_numbers_and_deviations() -> None:
    assert [tables.number(value, 0) for value in (None, 1234.4)] == ["-", "1,234"]
    assert tables.number(1234.56, 1) == "1234.6"
    assert [tables.spread(*pair) for pair in ((None, None), (1.0, None), (1.0, 0.25))] == [
        "-",
        "1.0",
        "1.0 ± 0.2",
    ]
