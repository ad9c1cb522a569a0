"""The reference: from docstrings, from `--help` and from the recipes, when the site is built."""

import contextlib
import io
import os
import sys
import textwrap
from unittest.mock import patch

import vidcondense
from vidcondense import cli
from vidcondense.cli.recipes import as_toml
from vidcondense.recipes.guide import guide
from vidcondense.recipes.load import load

WIDTH = "80"
"""Of the help, in characters: what a page shows without a bar to scroll."""

METHODS = {
    "ClipStore": ("open", "select", "read", "read_all", "random_starts", "even_starts", "only", "stills"),
    "CondensedVideos": ("load", "save", "render", "pixels", "select", "renamed", "size", "vpc", "key_counts"),
    "Evaluation": ("top1", "top5", "to_dict"),
    "Recipe": ("to_dict",),
    "Tracker": ("start", "metrics", "clips", "end"),
}
"""What users call on a class; all else is for the package itself."""


def pages() -> dict[str, str]:
    """The pages in Markdown by their paths in the site."""
    return {
        "reference/python.md": python(),
        "reference/commands.md": commands(),
        "reference/recipes.md": recipes(),
    }


def python() -> str:
    """Every public name; mkdocstrings puts its signature and docstring there."""
    names = [name for name in vidcondense.__all__ if not name.startswith("_")]
    names.sort(key=lambda name: (name[0].isupper(), name))  # functions first
    lines = ["# Which functions and classes are there?", "", "Made from docstrings.", ""]
    for name in names:
        members = "".join(f"\n        - {method}" for method in METHODS.get(name, ()))
        lines.append(f"::: vidcondense.{name}\n    options:\n      members:{members or ' false'}\n")
    return "\n".join(lines)


def commands() -> str:
    """The help of every command."""
    lines = ["# Which commands and options are there?", "", "Made from `--help`.", "", block(help_of())]
    for command in cli.COMMANDS:
        lines += ["", f"## {command.__name__}", "", block(help_of(command.__name__))]
    return "\n".join(lines)


def help_of(*command: str) -> str:
    """What `vidcondense COMMAND --help` prints."""
    shown = io.StringIO()
    with (
        patch.object(sys, "argv", ["vidcondense", *command, "--help"]),
        patch.dict(os.environ, COLUMNS=WIDTH),
        contextlib.redirect_stdout(shown),
        contextlib.suppress(SystemExit),
    ):
        cli.main()
    return shown.getvalue()


def recipes() -> str:
    """Every setting of every recipe, folded."""
    lines = ["# What does each recipe set?", "", "As `vidcondense recipes NAME` prints it."]
    for title, methods in guide().items():
        lines += ["", f"## {title}"]
        for method in methods:
            lines += ["", f"**`{method.name}`**: {method.when}."]
            for name in (*method.short, method.name):
                loaded = load(name)
                text = textwrap.indent(block(as_toml(loaded), "toml"), "    ")
                lines += ["", f'??? note "`{name}`: {loaded.description}"', "", text]
    return "\n".join(lines)


def block(text: str, language: str = "text") -> str:
    """Text as a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"
