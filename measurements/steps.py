"""Whether evaluation networks may stop early: accuracy where the training loss is small, and at the end.

    python measurements/steps.py STORE FILE... [--networks 10] [--split 1] [--share 0.01]

Each FILE is a condensed set. Its networks are trained under `strict` and tested twice: after the first step
at which the mean loss of the last five is below a share of what guessing gives, and at the end.
"""

import argparse
import statistics
from pathlib import Path

from vidcondense import CondensedVideos, networks
from vidcondense.base.compute import derive_seed, generator
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.options import EvaluationOptions
from vidcondense.evaluation.results import accuracies
from vidcondense.evaluation.trial import Trial

LAST = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--split", default="1")
    parser.add_argument("--share", type=float, default=0.01)
    options = parser.parse_args()
    store = ClipStore.open(options.store, options.split)
    for file in options.files:
        trial = Trial.of(CondensedVideos.load(file), store, EvaluationOptions(), protocol="strict")
        both = [twice(trial, number, options.share) for number in range(options.networks)]
        early, late = ([one[i] for one in both] for i in (0, 1))
        gaps = [a - b for a, b in zip(early, late, strict=True)]
        steps = sorted(one[2] for one in both)
        print(
            f"{file}: {len(trial.clips)} clips; early after {steps} of {trial.steps} steps; "
            f"top-1 {statistics.mean(early):.2f} early, {statistics.mean(late):.2f} at the end, "
            f"difference {statistics.mean(gaps):+.2f}, its deviation {statistics.stdev(gaps):.2f}",
            flush=True,
        )


def twice(trial: Trial, number: int, share: float) -> tuple[float, float, int]:
    """Top-1 in per cent early and at the end, and the step of the first."""
    seed, losses, found = derive_seed(trial.seed, number), [], []
    enough = share * trial.clips.goals.guessing(len(trial.store.class_names))
    network = networks.draw(
        trial.network, trial.store.shape, generator(seed, "weights"), trial.compute.device
    )

    def top1() -> float:
        scores, truth, _ = trial.protocol.test(network, trial.store, trial.compute, seed)
        return 100 * accuracies(scores, truth)[0]

    def advance(loss: float) -> None:
        losses.append(loss)
        if not found and len(losses) >= LAST and statistics.mean(losses[-LAST:]) < enough:
            found.append((top1(), len(losses)))

    trial.protocol.train(network, trial.clips, trial.compute, seed, advance)
    end = top1()
    early, step = found[0] if found else (end, len(losses))
    return early, end, step


if __name__ == "__main__":
    main()
