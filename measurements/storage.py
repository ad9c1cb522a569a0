"""Accuracy of the same learned clips with key frames stored as float32, float16 and uint8.

    python measurements/storage.py STORE RUN... [--networks 3] [--split 1]

Every run's condensed set is written in each way, read again, and trained on by networks with the same seeds,
so that differences are paired. The 95 % interval is of the mean difference over all runs and networks.
"""

import argparse
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from vidcondense import ClipStore, CondensedVideos, evaluate
from vidcondense.benchmark.statistics import interval
from vidcondense.condensed import KeyFrameVideos


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--split", default="1")
    options = parser.parse_args()
    store = ClipStore.open(options.store, split=options.split)
    test_videos = len(store.select("test"))
    accuracies: dict[str, list[float]] = {}
    sizes: dict[str, list[int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for run in options.runs:
            learned = CondensedVideos.load(run / "condensed.safetensors")
            assert isinstance(learned, KeyFrameVideos)
            for kind in ("float32", "float16", "uint8"):
                file = Path(folder) / f"{kind}.safetensors"
                sizes.setdefault(kind, []).append(replace(learned, storage=kind).save(file))
                result = evaluate(
                    CondensedVideos.load(file), store, networks_count=options.networks, show=False
                )
                accuracies.setdefault(kind, []).extend(one.top1 * 100 for one in result.results)
                print(f"{run.name} {kind}: {result.top1[0]:.2%}", flush=True)
    print("storage: bytes per set; accuracy %; difference from float32 with its 95 % interval")
    for kind, found in accuracies.items():
        differences = [a - b for a, b in zip(found, accuracies["float32"], strict=True)]
        line = f"{kind}: {statistics.mean(sizes[kind]):,.0f}; {statistics.mean(found):.2f}"
        if kind != "float32":
            found_interval = interval({("", n): value for n, value in enumerate(differences)}, test_videos)
            half = f" ± {found_interval.half_width():.2f}" if found_interval else ""
            line += f"; {statistics.mean(differences):+.2f}{half}"
        print(line)


if __name__ == "__main__":
    main()
