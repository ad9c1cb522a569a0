"""What `import vidcondense` shows and offers."""

import ast
import inspect
import pydoc
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mypy import api as mypy
from tiny_run import condensed_videos, write_run

import vidcondense
from vidcondense import CondensedVideos, VidcondenseError
from vidcondense.benchmark.options import Options
from vidcondense.evaluation.protocols import PROTOCOL
from vidcondense.evaluation.results import Evaluation
from vidcondense.recipes.load import available

ROOT = Path(__file__).parents[2]
NAMES = [name for name in vidcondense.__all__ if not name.startswith("_")]
THINGS = ("Evaluation", "Recipe", "Tracker", "VidcondenseError")
"""Given by functions, raised, or derived from; nobody makes them as they are."""


def example_of(name: str) -> str:
    """The Python of the example in a docstring."""
    text = inspect.getdoc(getattr(vidcondense, name)) or ""
    lines = re.findall(r"^ *(?:>>>|\.\.\.) ?(.*)$", text.partition("Example:")[2], re.MULTILINE)
    return "\n".join(lines)


def test_completion_shows_the_public_names_alone() -> None:
    import vidcondense.report.page  # packages that are loaded are attributes of the module too

    assert dir(vidcondense) == sorted(vidcondense.__all__)
    assert all(hasattr(vidcondense, name) for name in vidcondense.__all__)
    with pytest.raises(AttributeError, match="no attribute 'condence'"):
        vidcondense.condence  # noqa: B018


def test_help_has_every_function_with_an_example() -> None:
    shown = pydoc.plain(pydoc.render_doc(vidcondense))
    for name in NAMES:
        assert re.search(rf"^    (class )?{name}\b", shown, re.MULTILINE), name
    for name in set(NAMES) - set(THINGS):
        assert example_of(name), name
        ast.parse(example_of(name))


def test_importing_waits_for_neither_pytorch_nor_numpy() -> None:
    asks = "dir(vidcondense); vidcondense.prepare; vidcondense.export"
    code = f"import sys, vidcondense; {asks}; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"'(torch|numpy|av|tyro|rich)'", loaded)


def test_snippets_of_the_readme_and_of_docstrings_have_true_types(tmp_path: Path) -> None:
    readme = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert readme
    files = []
    for number, block in enumerate(readme):
        files.append(tmp_path / f"readme_{number}.py")
        files[-1].write_text(block)
    for name in NAMES:
        files.append(tmp_path / f"example_{name}.py")
        lines = (
            "from vidcondense import *\n"
            if name != "CondensedVideos"
            else "from vidcondense import CondensedVideos\n"
        )
        files[-1].write_text(lines + example_of(name) + "\n")
    said, errors, status = mypy.run(
        [
            *("--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")),
            *map(str, files),
        ]
    )
    assert (status, errors) == (0, ""), said


def test_paths_may_be_texts_and_runs_stand_for_their_results(tmp_path: Path, tiny_store_path: Path) -> None:
    run = write_run(tmp_path / "run", recipe="random")
    assert vidcondense.write_report([str(run)], str(tmp_path / "page.html")).stat().st_size > 1000
    files = vidcondense.export(str(run), str(tmp_path / "clips"), "frames")
    assert len(files) == len(condensed_videos().positions) + 1
    both = vidcondense.merge([str(run), condensed_videos()])
    assert (len(both), both.class_names) == (6, condensed_videos().class_names)
    made = vidcondense.condense(str(tiny_store_path), "random", str(tmp_path / "made"), show=False)
    assert made == CondensedVideos.load(str(tmp_path / "made"))
    options = {"networks_count": 1, "steps": 2, "network": "minic3d", "show": False}
    result = vidcondense.evaluate(str(tmp_path / "made"), str(tiny_store_path), **options)  # type: ignore[call-overload]
    assert isinstance(result, Evaluation) and result.protocol.name == PROTOCOL


def test_a_budget_is_filled_with_as_many_videos_as_fit(tmp_path: Path, tiny_store_path: Path) -> None:
    store, out = vidcondense.ClipStore.open(tiny_store_path), tmp_path / "run"
    made = vidcondense.condense(store, "herding", out, budget="2.5KB", show=False)
    size = (out / "condensed.safetensors").stat().st_size
    assert made.videos > len(store.class_names)  # the recipe names one of each class
    assert size <= 2500 < size + (size / made.videos) * len(store.class_names)
    assert vidcondense.condense(store, "herding", out, budget=2500, show=False) == made
    with pytest.raises(vidcondense.VidcondenseError, match=r"^budget wants a number of bytes such as 64KB"):
        vidcondense.condense(store, "herding", tmp_path / "other", budget="much")


def test_one_path_in_place_of_a_list_is_told(tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match=r"runs must be a list of run folders, such as \['run'\]"):
        vidcondense.write_report("run")


def test_recipes_are_listed_with_what_they_are() -> None:
    found = vidcondense.list_recipes()
    assert list(found) == available() and all(found.values())
    assert vidcondense.load_recipe("random", overrides={"storage": "uint8"}).storage == "uint8"


def test_a_benchmark_gives_its_page_and_refuses_unknown_choices(tmp_path: Path) -> None:
    page = vidcondense.run_benchmark("storage", None, tmp_path / "tables")
    assert page.is_file()
    with pytest.raises(VidcondenseError, match="no choice 'seed'; did you mean 'seeds'"):
        vidcondense.run_benchmark("accuracy", "store", "tables", seed=(1,))


def test_one_choice_stands_for_one_of_several(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Options] = []

    def measured(
        name: str, store: Path, out: Path, options: Options, *, force: bool
    ) -> tuple[Path, list[Any]]:
        seen.append(options)
        return out / "accuracy.md", []

    monkeypatch.setattr("vidcondense.benchmark.run.run_benchmark", measured)
    vidcondense.run_benchmark("accuracy", "store", tmp_path, network="minic3d", seeds=3, networks=2)
    assert (seen[0].network, seen[0].seeds, seen[0].networks) == (("minic3d",), (3,), 2)
