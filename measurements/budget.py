"""What bytes are best spent on: more videos, better ones or larger ones; on held-out training videos.

    python measurements/budget.py STORE --out LOG.jsonl [--recipe random] [--budgets 16KB 64KB]
        [--sizes 0 32] [--qualities 35 50 60] [--groups FILE.csv] [--folds 0 1 2] [--steps 360]

For each budget, size of stored frames (0: the store's) and quality, as many videos as the budget holds at
that quality, which then fills it. Videos are held out as in measurements/protocol.py; no test video is looked
at. A line of LOG.jsonl for each network; a call goes on where another stopped. At the end means are printed.
"""

import argparse
import itertools
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from protocol import FOLDS, held_out, judged
from vidcondense import condense, load_recipe
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import parse_bytes
from vidcondense.condensed import CondensedVideos
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import Strong
from vidcondense.run.budget import Samples, fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", default="random")
    parser.add_argument("--budgets", nargs="+", default=["16KB", "64KB"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[0, 32])
    parser.add_argument("--qualities", nargs="+", type=int, default=[35, 50, 60])
    parser.add_argument("--groups", type=Path)
    parser.add_argument("--folds", nargs="+", type=int, default=list(range(FOLDS)))
    parser.add_argument("--steps", type=int, default=360)
    parser.add_argument("--networks", nargs="+", default=Strong.usual_network.split("+"))
    options = parser.parse_args()
    done = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    rule = Strong().of_length(options.steps)
    for fold in options.folds:
        store = held_out(ClipStore.open(options.store), options.groups, fold)
        choices = itertools.product(options.budgets, options.sizes, options.qualities)
        for budget, size, quality in choices:
            cell = {"recipe": options.recipe, "budget": budget, "size": size, "quality": quality}
            made: CondensedVideos | None = None
            for network in options.networks:
                key = {**cell, "fold": fold, "steps": options.steps, "network": network}
                if any(key.items() <= one.items() for one in done):
                    continue
                try:
                    made = made or condensed(store, cell, fold)
                except VidcondenseError as error:
                    print(f"{cell}: {error}")
                    break
                about = {"vpc": made.vpc, "filled_quality": made.quality}
                done.append(key | about | judged(made, store, rule, network, fold))
                with options.out.open("a") as log:
                    log.write(json.dumps(done[-1]) + "\n")
    print(table(done))


def condensed(store: ClipStore, cell: dict[str, Any], seed: int) -> CondensedVideos:
    """The set of a cell, as it comes out of its file."""
    overrides = {
        "storage": "av1",
        "budget": parse_bytes(cell["budget"], "--budgets"),
        "quality": cell["quality"],
        "synthetic.size": cell["size"],
        "seed": seed,
    }
    recipe = fit(Samples(store), load_recipe(cell["recipe"], overrides=overrides), fixed=overrides).recipe
    with tempfile.TemporaryDirectory() as folder:
        return condense(store, recipe, Path(folder) / "run", show=False)


def table(done: list[dict[str, Any]]) -> str:
    """Means over folds, a line per budget, size and quality, a column per recipe, steps and network."""
    columns = list(dict.fromkeys((one["recipe"], one["steps"], one["network"]) for one in done))
    heads = [f"{recipe}, {steps} steps, {network}" for recipe, steps, network in columns]
    lines = [f"| budget | size | quality | VPC | {' | '.join(heads)} |", "|" + "---|" * (len(heads) + 4)]
    for row in dict.fromkeys((one["budget"], one["size"], one["quality"]) for one in done):
        of_row = [one for one in done if (one["budget"], one["size"], one["quality"]) == row]
        entries = []
        for column in columns:
            values = [
                one["top1"] for one in of_row if (one["recipe"], one["steps"], one["network"]) == column
            ]
            entries.append(f"{statistics.mean(values):.1f} ({len(values)})" if values else "")
        vpc = "/".join(str(one) for one in sorted({one["vpc"] for one in of_row}))
        lines.append(f"| {' | '.join(map(str, row))} | {vpc} | {' | '.join(entries)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
