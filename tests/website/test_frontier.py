"""The plot of README is what its numbers give, and all that was measured is in it."""

from pathlib import Path

import pytest

import frontier


def test_the_plot_is_drawn_from_the_numbers_that_are_there(tmp_path: Path) -> None:
    frontier.draw(tmp_path / "frontier.svg")
    assert (tmp_path / "frontier.svg").read_bytes() == frontier.PICTURE.read_bytes()


def test_every_line_of_the_plot_is_named() -> None:
    picture = frontier.PICTURE.read_text(encoding="utf-8")
    drawn = {method for path in frontier.MEASURED.glob("*.csv") for method in frontier.read(path).lines}
    assert drawn
    for method in drawn:
        name, colour, _ = frontier.SETS[method]
        assert colour in picture
        assert f">{name}<" in picture


def test_nothing_that_was_measured_is_left_out() -> None:
    files = sorted(frontier.MEASURED.glob("*.csv"))
    assert files
    for path in files:
        panel, rows = frontier.read(path), path.read_text(encoding="utf-8").splitlines()[1:]
        assert path.stem in frontier.DATASETS
        assert panel.lines.keys() <= frontier.SETS.keys()
        assert sum(map(len, panel.lines.values())) + 1 == len(rows)  # all clips are one
        assert 0 < panel.whole <= 100


@pytest.mark.parametrize("path", sorted(frontier.MEASURED.glob("*.csv")), ids=lambda path: path.stem)
def test_results_have_the_same_numbers(path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "frontier.md"
    assert frontier.table(path) in page.read_text(encoding="utf-8")
