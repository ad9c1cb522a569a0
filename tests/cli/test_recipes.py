"""The list of methods, and a recipe as a file."""

import tomllib
from pathlib import Path

import pytest

from vidcondense.cli.recipes import as_toml, methods, recipes
from vidcondense.recipes.load import available, load


def test_one_line_per_method_with_what_it_needs_and_costs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    recipes()
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0].rstrip(","): line for line in lines[1:-1]}
    assert list(rows) == list(methods(available()))
    assert "5,000, 20, 100" in rows["prism"] and "_fast, _small" in rows["prism"]
    assert "30 or 2 trained networks" in rows["mtt"]
    assert " - " in rows["dm"]


def test_every_recipe_has_a_line_or_stands_in_that_of_its_method() -> None:
    found = methods(available())
    assert sorted([*found, *(name for short in found.values() for name in short)]) == available()


@pytest.mark.parametrize("name", ["prism_small", "mtt", "wang", "herding"])
def test_a_recipe_as_toml_is_that_recipe(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(as_toml(load(name)))
    assert load(str(path)) == load(name)
    recipes(name)
    assert tomllib.loads(capsys.readouterr().out) == load(name).to_dict()
