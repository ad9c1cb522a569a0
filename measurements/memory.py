"""Peak memory of condensing by number of classes and videos per class, beside all real clips as float32.

    python measurements/memory.py STORE [--recipe prism_small] [--iterations 3]

Each setting runs in a process of its own. Python with the package imported is the base that is taken off.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from vidcondense.data.store import ClipStore

RUN = """
import resource, sys
import torch
from vidcondense import ClipStore
from vidcondense.recipes import load as recipe
from vidcondense.base.compute import choose
from vidcondense.run.state import State
from vidcondense.benchmark import run
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path, name, classes, vpc, iterations = sys.argv[1:]
store = ClipStore.open(path).only(range(int(classes)))
state = State.start(store, recipe.load(name, vpc=int(vpc)), choose("cpu"))
for _ in range(int(iterations)):
    state.iterate()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base, base)
"""
MEBIBYTE = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--recipe", default="prism_small")
    parser.add_argument("--iterations", type=int, default=3)
    options = parser.parse_args()
    store = ClipStore.open(options.store)
    clip = store.frames * 3 * store.size**2 * 4
    every = len(store.class_names)
    print(f"{store.name}, clips of {clip / MEBIBYTE:.2f} MiB in float32, {options.recipe}")
    print("classes, VPC: peak over base; learned clips; real clips as float32")
    for classes, vpc in ((every // 4, 1), (every // 2, 1), (every, 1), (every, 2), (every, 5)):
        words = [options.store, options.recipe, classes, vpc, options.iterations]
        made = subprocess.run(
            [sys.executable, "-c", RUN, *map(str, words)], capture_output=True, text=True, check=True
        )
        peak, base = (int(value) * 1024 for value in made.stdout.split())
        learned = classes * vpc * clip
        preloaded = sum(map(len, store.by_class("train")[:classes])) * clip
        print(
            f"{classes}, {vpc}: {peak / MEBIBYTE:.0f} MiB over {base / MEBIBYTE:.0f}; "
            f"{learned / MEBIBYTE:.1f}; {preloaded / MEBIBYTE:.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
