"""The command `vidcondense benchmark`."""

import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from vidcondense.base.errors import VidcondenseError, printable
from vidcondense.base.repeats import given, say_next
from vidcondense.base.units import plural
from vidcondense.benchmark.options import Options

DEFAULTS = Options()
LEAST_SEEDS = 6
"""Of one comparison no fewer pairs can give a star (statistics/significance.py)."""


def benchmark(
    name: Annotated[Positional[str], arg(metavar="NAME", help_behavior_hint="")] = "",
    store: Annotated[Positional[Path | None], arg(metavar="[STORE]", help_behavior_hint="")] = None,
    *,
    out: Annotated[
        Path | None, arg(metavar="FOLDER", help_behavior_hint="(required unless --dry-run or --resolve)")
    ] = None,
    list: bool = False,
    force: bool = False,
    dry_run: bool = False,
    resolve: Annotated[
        float | None, arg(metavar="POINTS", help_behavior_hint="(default: none, it runs)")
    ] = None,
    options: Annotated[Options, arg(name="")] = DEFAULTS,
) -> None:
    """Make a table or figure of the papers on your data: condense, evaluate, compare.

    Args:
        name: Which benchmark; --list names them.
        store: A store made by `vidcondense prepare`; storage works without one.
        out: Folder for NAME.md, NAME.csv, NAME.json, a plot and runs in cells/; benchmarks may share one.
        list: Name all benchmarks with one line each, and stop.
        force: Measure the benchmark's cells anew; what they hold is removed.
        dry_run: Say which cells it would run, how long they may take and what they need, and stop.
        resolve: Say how many splits, seeds and networks a difference of so many points takes, by what --out
            holds, and what they cost, and stop.
        options: What to measure, and how.
    """
    from vidcondense.benchmark.grids import BENCHMARKS  # help does not wait for what knows recipes

    if list:
        width = max(map(len, BENCHMARKS))
        print("\n".join(f"{key:{width}}  {entry.summary}" for key, entry in BENCHMARKS.items()))
        say_next("benchmark", "accuracy", "STORE", "--out", "FOLDER", "--dry-run")
        return
    if not name:
        raise VidcondenseError(f"benchmark needs a NAME: {', '.join(BENCHMARKS)} (see --list)")
    from vidcondense.benchmark.run import run_benchmark

    page, failed = run_benchmark(name, store, out, options, dry_run=dry_run, force=force, points=resolve)
    if page is not None:
        print(page)
    if resolve is not None:
        say_next(*_without_resolve(), *(() if out else ("--out", "benchmark")))
    elif not failed:
        _say_next(name, store, out, options, dry_run)
    else:
        lines = [printable(f"failed: {cell.row} {cell.column}: {cell.reason}") for cell in failed]
        count = plural(len(failed), "cell")
        lines.append(f"vidcondense: {count} failed, listed on the page too; the same command tries again")
        print("\n".join(lines), file=sys.stderr)
        sys.exit(1)


def _say_next(name: str, store: Path | None, out: Path | None, options: Options, dry_run: bool) -> None:
    """After a dry run the run; then more seeds, which give intervals; then the other benchmarks."""
    if dry_run:
        say_next(*given("--dry-run"), *(() if out else ("--out", "benchmark")))
    elif store is None:
        say_next("benchmark", name, "STORE", "--out", out or "benchmark")
    elif len(options.seeds) == 1:
        say_next(*given("--force"), "--seeds", *range(options.seeds[0], options.seeds[0] + LEAST_SEEDS))
    else:
        say_next("benchmark", "--list")


def _without_resolve() -> list[str]:
    """The words of the command at hand without --resolve and its value."""
    words = given()
    for place, word in enumerate(words):
        if word == "--resolve":
            return words[:place] + words[place + 2 :]
    return [word for word in words if not word.startswith("--resolve=")]
