"""What coding does to a set that is learned with the codec in the loop, or without: bytes, error and loss.

    python measurements/coded.py STORE [--set KEY=VALUE ...] [--quality 45] [--networks 8]

`prism_small` at VPC 1, seed 0, as AV1 of a quality. The error of coding is a share of the variance of the
learned frames; the loss is that of matching on networks and training clips that learning did not use.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from vidcondense import ClipStore, load_recipe
from vidcondense.base.compute import choose
from vidcondense.recipes.load import parse_overrides
from vidcondense.run.artifact import artifact, decoded
from vidcondense.run.state import State

UNSEEN = 10_000
"""The first iteration whose networks and clips no run of these has drawn."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--set", dest="overrides", nargs="+", default=[], metavar="KEY=VALUE")
    parser.add_argument("--quality", type=float, default=45.0)
    parser.add_argument("--networks", type=int, default=8)
    options = parser.parse_args()
    store = ClipStore.open(options.store)
    coded = {"storage": "av1", "quality": options.quality}
    recipe = load_recipe("prism_small", overrides={**coded, **parse_overrides(options.overrides)})
    state, fresh = (State.start(store, recipe, choose("cpu", how)) for how in ("auto", "float32"))
    for _ in range(recipe.iterations):
        state.iterate()
    made, back = artifact(state), decoded(state)
    error = (back - made.key_frames).square().mean() / made.key_frames.var()
    losses = []
    for frames in (made.key_frames, back):
        clips = replace(made, key_frames=frames).render()
        drawn = range(UNSEEN, UNSEEN + options.networks)
        losses.append(sum(fresh.objective.match(i, clips, state.synthetic.labels)[0] for i in drawn))
    print("| key frames | bytes | error of coding | loss of the learned frames | loss of the file's |")
    cells = [f"{state.synthetic.key_frames}", f"{len(made.packed()):,}", f"{error:.0%}"]
    print(f"| {' | '.join([*cells, *(f'{one / options.networks:.3f}' for one in losses)])} |")


if __name__ == "__main__":
    main()
