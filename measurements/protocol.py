"""On which constants of `strong` accuracy depends, on held-out training videos; no test video is looked at.

    python measurements/protocol.py STORE --out LOG.jsonl [--groups FILE.csv] [--sets random whole ...]
        [--rules strong "steps 90" ...] [--folds 0 1 2]

Of each class a third of the training videos of split 1 is held out, those of a group (a source video, a
subject) together: FILE.csv has the columns path and group. Each set is made of the rest, each rule trains a
miniC3D and a ConvNet3D on it, and both are tested on what was held out. A line of LOG.jsonl for each; a call
goes on where another stopped. At the end the means are printed.
"""

import argparse
import copy
import csv
import json
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from vidcondense import condense, load_recipe
from vidcondense.condensed import CondensedVideos
from vidcondense.data.augmentation import Augmentation
from vidcondense.data.layouts.listing import ROLES, TEST, TRAIN, UNUSED
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.evaluation.protocols import Protocol, Strict, Strong
from vidcondense.evaluation.trial import Trial

STRONG = Strong()
RULES: dict[str, Protocol] = {
    "strict": Strict(),
    "strong": STRONG,
    "half the steps": replace(STRONG, steps=STRONG.steps // 2, epochs=STRONG.epochs // 2),
    "twice the step size": replace(STRONG, learning_rate=2 * STRONG.learning_rate),
    "half the step size": replace(STRONG, learning_rate=STRONG.learning_rate / 2),
    "no augmentation": replace(STRONG, augmentation=Augmentation(zoom=0.0, shift=0.0, colour=0.0)),
    "no colours": replace(STRONG, augmentation=replace(STRONG.augmentation, colour=0.0)),
    "no smoothing": replace(STRONG, smoothing=0.0),
    "no averaging": replace(STRONG, averaged=0.0),
}
SETS = {
    "random": ("random", {}),
    "DM": ("dm_small", {}),
    "PRISM": ("prism_small", {}),
    "static + dynamic": ("wang_small", {}),
}
FOLDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--groups", type=Path)
    parser.add_argument("--sets", nargs="+", default=[*SETS, "whole"])
    parser.add_argument("--rules", nargs="+", default=list(RULES))
    parser.add_argument("--folds", nargs="+", type=int, default=list(range(FOLDS)))
    parser.add_argument("--networks", nargs="+", default=STRONG.usual_network.split("+"))
    options = parser.parse_args()
    done = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    for fold in options.folds:
        store = held_out(ClipStore.open(options.store), options.groups, fold)
        for name in options.sets:
            made: CondensedVideos | ClipStore | None = None
            for rule in options.rules:
                for network in options.networks:
                    key = {"fold": fold, "set": name, "rule": rule, "network": network}
                    if any(key.items() <= one.items() for one in done):
                        continue
                    made = made or training(store, name, fold)
                    done.append(key | judged(made, store, RULES[rule], network, fold))
                    with options.out.open("a") as log:
                        log.write(json.dumps(done[-1]) + "\n")
    print(table(done))


def held_out(store: ClipStore, groups: Path | None, fold: int) -> ClipStore:
    """A view whose test videos are a third of the training videos, in whole groups; its own are unused."""
    names = {path: path for path in store.paths}
    if groups:
        with groups.open() as file:
            names = {line["path"].removeprefix("videos/"): line["group"] for line in csv.DictReader(file)}
    view = copy.copy(store)
    roles = store._roles.copy()
    roles[store.select("test")] = ROLES.index(UNUSED)
    for videos in store.by_class("train"):
        members = defaultdict(list)
        for video in videos.tolist():
            members[names[store.paths[video].removeprefix("videos/")]].append(video)
        loads = [0] * FOLDS
        for _, videos_of in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
            where = loads.index(min(loads))
            loads[where] += len(videos_of)
            if where == fold:
                roles[videos_of] = ROLES.index(TEST)
    assert (roles == ROLES.index(TRAIN)).any()
    view._roles, view._classes = roles, {}
    return view


def training(store: ClipStore, name: str, seed: int) -> CondensedVideos | ClipStore:
    """What networks are trained on."""
    if name == "whole":
        return store
    recipe, overrides = SETS[name]
    with tempfile.TemporaryDirectory() as folder:
        return condense(
            store,
            load_recipe(recipe, overrides={**overrides, "seed": seed}),
            Path(folder) / "run",
            show=False,
        )


def judged(
    made: CondensedVideos | ClipStore, store: ClipStore, rule: Protocol, network: str, seed: int
) -> dict[str, float]:
    """Accuracies in percent of one network, its training loss and seconds."""
    began = time.perf_counter()
    trial = Trial.of(made, store, EvaluationOptions(network=network, seed=seed), protocol=rule)
    result = trial.run(0, lambda loss: None)
    controls = {name: 100 * value for name, value in result.controls.items()}
    return {
        "top1": 100 * result.top1,
        **controls,
        "loss": result.loss,
        "seconds": time.perf_counter() - began,
    }


def table(done: list[dict[str, float]]) -> str:
    """Means over folds, a line per set and network, a column per rule."""
    rules = list(dict.fromkeys(str(one["rule"]) for one in done))
    lines = [f"| set | network | {' | '.join(rules)} |", "|" + "---|" * (len(rules) + 2)]
    for name, network in dict.fromkeys((str(one["set"]), str(one["network"])) for one in done):
        entries = []
        for rule in rules:
            values = [
                one["top1"]
                for one in done
                if (one["set"], one["network"], one["rule"]) == (name, network, rule)
            ]
            entries.append(f"{statistics.mean(values):.1f} ({len(values)})" if values else "")
        lines.append(f"| {name} | {network} | {' | '.join(entries)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
