"""The command `recipes`: which methods there are, what they need and cost, and every setting of one."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from vidcondense.base.repeats import say_next

if TYPE_CHECKING:
    from rich.table import Table

    from vidcondense.recipes.guide import Method
    from vidcondense.recipes.recipe import Recipe

# The list is made when the command runs: help appears without waiting for PyTorch.

Cells = tuple[str, ...]
LEAST_WIDTH = 90
"""Of a terminal in which figures stand beside names."""
HEADINGS = ("  recipe", "frames", "iterations", "trains", "when to use it")
LEGEND = """
\N{BLACK STAR} recommended with --budget: nothing else here was worth more in as many bytes (docs/results.md).
_small and _fast are the same for short runs, minutes on a CPU{figures}
What one costs here, in bytes, memory and time: vidcondense condense STORE --recipe NAME --dry-run"""
OF_FIGURES = """; their iterations stand first.
frames: what each synthetic video stores of a clip. trains: networks that are trained on your clips first."""
OF_NONE = """.
What they store, learn and train first stands here too in a terminal of {width} columns."""


def recipes(
    name: Annotated[Positional[str | None], arg(metavar="[NAME]", help_behavior_hint="")] = None,
) -> None:
    """List the methods that come with the package, or show all settings of one recipe.

    Args:
        name: A recipe, or the path of a .toml file: its settings are printed as TOML, with those of the
            recipe that it is based on.
    """
    from rich.console import Console

    from vidcondense.recipes.guide import RECOMMENDED, guide
    from vidcondense.recipes.load import load

    console = Console(highlight=False)
    if name is not None:
        chosen = load(name)
        console.print(as_toml(chosen), markup=False, soft_wrap=True)
        say_next("condense", "STORE", "--recipe", name, "--out", f"runs/{chosen.name}")
        return
    wide = console.width >= LEAST_WIDTH
    groups = {
        title: [_cells(method, wide, method.name == RECOMMENDED) for method in methods]
        for title, methods in guide().items()
    }
    headings = HEADINGS if wide else (HEADINGS[0], HEADINGS[-1])
    columns = zip(headings, *(cells for lines in groups.values() for cells in lines), strict=True)
    widths = [max(map(len, column)) for column in columns][:-1]
    console.print(_table(widths, [headings], "dim"))
    for title, lines in groups.items():
        console.print(title, style="bold")
        console.print(_table(widths, lines))
    console.print(LEGEND.format(figures=OF_FIGURES if wide else OF_NONE.format(width=LEAST_WIDTH)))
    say_next("recipes", RECOMMENDED)


def _cells(method: "Method", wide: bool, recommended: bool) -> "Cells":
    """A line of the table; in a narrow terminal without figures."""
    names = ", ".join([method.name, *(short.removeprefix(method.name) for short in method.short)])
    learned = ", ".join(f"{count:,}" for count in method.iterations) if any(method.iterations) else "-"
    figures = (method.stored, learned, method.needs or "-") if wide else ()
    return ("\N{BLACK STAR} " if recommended else "  ") + names, *figures, method.when


def _table(widths: list[int], rows: "Sequence[Cells]", style: str = "") -> "Table":
    """Lines whose last column alone gives way in a narrow terminal."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), style=style)
    for width in widths:
        table.add_column(width=width, no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def as_toml(recipe: "Recipe") -> str:
    """Every setting that a recipe reads, as a file that gives the same recipe."""
    values = recipe.to_dict()
    tables = {key: table for key, table in values.items() if isinstance(table, dict)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if key not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines)
