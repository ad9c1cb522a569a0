"""The documentation as a site: what is made, how links are led, and that a broken page is noticed."""

import re
from pathlib import Path

import pytest

import vidcondense
from vidcondense import cli
from vidcondense.recipes.guide import guide
from vidcondense.recipes.load import available

pytest.importorskip("mkdocs", reason="the extra `site` is not installed")

import check
import pages
import reference_pages

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
MOST_LINES = 200
MOST_BYTES = 1_000_000


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_a_page_begins_with_a_question_and_fits(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"# .*\?", lines[0])
    assert len(lines) <= MOST_LINES


def test_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "docs" / "pictures").iterdir()) < MOST_BYTES


def test_pictures_of_pages_are_there_and_no_other() -> None:
    shown = {"icon.svg", "site.css"}
    for page in (ROOT / "README.md", *DOCS):
        shown |= set(
            re.findall(r"(?:\]\(|src=\")(?:docs/)?pictures/([^)\"]+)", page.read_text(encoding="utf-8"))
        )
    assert shown == {path.name for path in (ROOT / "docs" / "pictures").iterdir()}


def test_the_gallery_shows_every_method_in_order() -> None:
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    names = [(*method.short, method.name)[0] for methods in guide().values() for method in methods]
    shown = re.findall(r"\*\*`(\w+)`\*\*", text)
    assert shown == names


def test_the_reference_has_every_name_command_and_recipe() -> None:
    made = reference_pages.pages()
    names = re.findall(r"^::: vidcondense\.(\w+)$", made["reference/python.md"], re.MULTILINE)
    assert sorted(names) == sorted(name for name in vidcondense.__all__ if not name.startswith("_"))
    commands = made["reference/commands.md"]
    assert re.findall(r"^## (\w+)$", commands, re.MULTILINE) == [one.__name__ for one in cli.COMMANDS]
    assert commands.count("usage: vidcondense ") == len(cli.COMMANDS) + 1
    assert "--recipe NAME" in commands and "\x1b" not in commands
    assert (
        sorted(re.findall(r'^\?\?\? note "`(\w+)`', made["reference/recipes.md"], re.MULTILINE))
        == available()
    )


def test_methods_of_the_reference_are_there() -> None:
    for name, methods in reference_pages.METHODS.items():
        assert all(hasattr(getattr(vidcondense, name), method) for method in methods), name


@pytest.mark.parametrize(
    ("folder", "page", "link", "led"),
    [
        (".", "index.md", "[a](docs/data.md#size)", "[a](data.md#size)"),
        (".", "index.md", "[a](examples/methods/)", "[a](examples/index.md)"),
        (".", "index.md", '<img src="docs/pictures/first.webp">', '<img src="pictures/first.webp">'),
        ("docs", "extend.md", "[a](../examples/extend/x.py)", "[a](examples/extend/x.py.md)"),
        ("docs", "extend.md", "[a](../CONTRIBUTING.md)", "[a](contributing.md)"),
        ("docs", "extend.md", "[a](data.md)", "[a](data.md)"),
        (
            "docs",
            "extend.md",
            "[a](https://example.org/x.py) [b](#here)",
            "[a](https://example.org/x.py) [b](#here)",
        ),
        ("examples/notebooks", "notebooks/a.md", "[a](../../docs/data.md)", "[a](../data.md)"),
        ("examples/notebooks", "notebooks/a.md", "[a](b.ipynb)", "[a](b.md)"),
    ],
)
def test_links_into_the_repository_lead_to_pages(folder: str, page: str, link: str, led: str) -> None:
    assert pages.relinked(link, folder, page) == led


def test_what_is_broken_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.html").write_text('<p id="here">')
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here"></a><a href="b.html#there"></a><a href="c.html"></a><a href="#x"></a>'
        '<img src="data:image/png;base64,AA"><a href="https://example.org"></a>'
        '<script src="https://example.org/x.js"></script><link href="//example.org/x.css">'
    )
    assert check.problems(tmp_path) == [
        "a.html: loads https://example.org/x.js",
        "a.html: loads //example.org/x.css",
        "a.html: b.html#there has no such place",
        "a.html: c.html is not there",
        "a.html: #x has no such place",
    ]


def test_a_folder_without_pages_is_no_site(tmp_path: Path) -> None:
    assert check.problems(tmp_path) == [f"{tmp_path}: no pages"]
