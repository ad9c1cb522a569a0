"""The command `recipes`: which methods there are, what they need and cost, and every setting of one."""

import json
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from vidcondense.base.repeats import say_next

if TYPE_CHECKING:
    from vidcondense.recipes.recipe import Recipe

SHORT = ("_small", "_fast")
"""What the name of a recipe for short runs ends with."""


def recipes(
    name: Annotated[Positional[str | None], arg(metavar="[NAME]", help_behavior_hint="")] = None,
) -> None:
    """List the methods that come with the package, or show all settings of one recipe.

    Args:
        name: A recipe, or the path of a .toml file: its settings are printed as TOML, with those of the
            recipe that it is based on.
    """
    from rich.console import Console
    from rich.table import Table

    from vidcondense.recipes.load import available, load

    console = Console(highlight=False)
    if name is not None:
        chosen = load(name)
        console.print(as_toml(chosen), markup=False, soft_wrap=True)
        say_next("condense", "STORE", "--recipe", name, "--out", f"runs/{chosen.name}")
        return
    rows = [
        _row(method, [load(one) for one in (method, *short)])
        for method, short in methods(available()).items()
    ]
    table = Table(box=None)
    for heading, cells in zip(
        ("recipe", "needs", "iterations", "what it is"), zip(*rows, strict=True), strict=True
    ):
        widest = 0 if heading == "what it is" else max(map(len, (heading, *cells)))
        table.add_column(heading, no_wrap=True, overflow="ellipsis", min_width=widest)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print("_small and _fast: the same for short runs. All settings of one: vidcondense recipes NAME")
    say_next("recipes", "prism_small")


def _row(method: str, loaded: list["Recipe"]) -> tuple[str, str, str, str]:
    """A method with its recipes for short runs: names, needs, iterations and what it is."""
    names = ", ".join([method, *(recipe.name.removeprefix(method) for recipe in loaded[1:])])
    iterations = ", ".join(f"{recipe.all_iterations:,}" for recipe in loaded)
    return names, needs(loaded), iterations, loaded[0].description


def methods(names: list[str]) -> dict[str, list[str]]:
    """Recipes for short runs by the method that they belong to, which may be one of them itself."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        stem = next((name.removesuffix(end) for end in SHORT if name.endswith(end)), name)
        if stem != name and stem in names:
            found.setdefault(stem, []).append(name)
        else:
            found.setdefault(name, [])
    return found


def needs(loaded: list["Recipe"]) -> str:
    """What has to be trained before the first iteration."""
    if not loaded[0].objective.needs_experts or loaded[0].coreset:
        return "-"
    return f"{' or '.join(str(recipe.experts.count) for recipe in loaded)} trained networks"


def as_toml(recipe: "Recipe") -> str:
    """Every setting that a recipe reads, as a file that gives the same recipe."""
    values = recipe.to_dict()
    tables = {key: table for key, table in values.items() if isinstance(table, dict)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if key not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines)
