"""The list of methods, and a recipe as a file."""

import re
import tomllib
from pathlib import Path

import pytest

from vidcondense.cli.recipes import as_toml, recipes
from vidcondense.recipes.guide import OTHERS, RECOMMENDED, guide, methods
from vidcondense.recipes.load import available, load


def test_one_line_per_method_with_what_it_stores_and_costs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    recipes()
    lines = capsys.readouterr().out.split("\n\n")[0].splitlines()
    rows = {line.split()[line.startswith("★")].rstrip(","): line for line in lines if line[0] in " ★"}
    assert list(rows)[1:] == [method.name for methods in guide().values() for method in methods]
    assert re.search(r"_fast, _small +2 and more +20, 100, 5,000 +- +the papers' method", rows["prism"])
    assert re.search(r" all +20, 8,000 +2, 30 +trajectory", rows["mtt"])
    assert re.search(r" 1 \+ fields +- +- ", rows["displaced"])
    assert [name for name, line in rows.items() if "★" in line] == [RECOMMENDED]
    assert max(map(len, lines)) <= 110


def test_a_narrow_terminal_shows_every_name_and_whole_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    recipes()
    shown = capsys.readouterr().out.split("\n\n")[0]
    assert max(map(len, shown.splitlines())) <= 60
    assert all(re.search(rf"(?m)^(★|  ) ?{name}\b", shown) for name in methods(available()))
    assert "the baseline, which every" in shown and "…" not in shown


@pytest.mark.parametrize(("width", "told"), [(80, False), (110, True)])
def test_what_columns_mean_is_told_where_they_are_shown(
    width: int, told: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    recipes()
    table, legend = capsys.readouterr().out.split("\n\n")
    assert ("trains" in table.splitlines()[0]) == ("trains:" in legend) == told
    assert ("in a terminal of 90" in legend) != told


def test_every_recipe_is_in_a_group_or_stands_with_its_method() -> None:
    found = [method for group in guide().values() for method in group]
    assert sorted([name for one in found for name in (one.name, *one.short)]) == available()
    assert OTHERS not in guide(), "a new recipe belongs in GROUPS of recipes/guide.py"


@pytest.mark.parametrize("name", ["prism_small", "mtt", "wang", "herding"])
def test_a_recipe_as_toml_is_that_recipe(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(as_toml(load(name)))
    assert load(str(path)) == load(name)
    recipes(name)
    assert tomllib.loads(capsys.readouterr().out) == load(name).to_dict()
