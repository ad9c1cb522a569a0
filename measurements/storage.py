"""Accuracy of the same condensed sets as files store them: float32, float16, uint8, AV1 of several qualities.

    python measurements/storage.py STORE RUN... --out LOG.jsonl [--as float32 av1:40 ...] [--networks 1]
        [--network minic3d+convnet3d] [--steps 0] [--margin 0.5]

RUN is a run folder, or a cell of a benchmark. Every condensed set is written in each way, read again, and
trained on by networks with the same seeds, under the split that it was condensed from. A set is a pair: its
split and seed. A line of LOG.jsonl for each set and way; a call goes on where another stopped. At the end
each way is compared with float32: the mean difference with its 95 % interval, the sign-flip test, and the
two one-sided tests of being level within the margin, both adjusted by Holm.
"""

import argparse
import json
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from vidcondense import ClipStore, CondensedVideos, evaluate
from vidcondense.benchmark.statistics import judged, paired
from vidcondense.condensed import provenance
from vidcondense.condensed.header import QUALITY, Storage

EXACT = "float32"
WAYS = (EXACT, "float16", "uint8", "av1:30", "av1:40", "av1:50")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--as", dest="ways", nargs="+", default=list(WAYS))
    parser.add_argument("--networks", type=int, default=1)
    parser.add_argument("--network", default="minic3d+convnet3d")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--margin", type=float, default=0.5)
    options = parser.parse_args()
    done = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    videos = 0
    for run in options.runs:
        made = CondensedVideos.load(next(run.rglob("condensed.safetensors")))
        pair = (provenance.split(made.provenance), int(provenance.seeds(made.provenance)[0]))
        store = ClipStore.open(options.store, split=pair[0])
        videos += len(store.select("test"))
        for way in options.ways:
            key = {
                "split": pair[0],
                "seed": pair[1],
                "as": way,
                "network": options.network,
                "steps": options.steps,
            }
            if any(key.items() <= one.items() for one in done):
                continue
            done.append(key | measured(made, way, store, options))
            with options.out.open("a") as log:
                log.write(json.dumps(done[-1]) + "\n")
    judged_so = {"network": options.network, "steps": options.steps}
    rows = [one for one in done if judged_so.items() <= one.items()]
    print(table(rows, options.ways, options.margin, videos))


def measured(
    made: CondensedVideos, way: str, store: ClipStore, options: argparse.Namespace
) -> dict[str, float | int]:
    """Bytes of a set's file, and the mean accuracy in percent of networks trained on what is read from it."""
    storage, _, quality = way.partition(":")
    assert storage in get_args(Storage)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "condensed.safetensors"
        size = replace(made, storage=storage, quality=int(quality or QUALITY)).save(file)
        read = CondensedVideos.load(file)
        judges = {
            "network": options.network,
            "networks_count": options.networks,
            "steps": options.steps or None,
        }
        result = evaluate(read, store, **judges, show=False)
    return {
        "bytes": size,
        "top1": 100 * result.top1[0],
        "diverged": sum(one.diverged for one in result.results),
    }


def table(done: list[dict[str, Any]], ways: list[str], margin: float, videos: int) -> str:
    """A row for each way."""
    means = {
        way: {(one["split"], one["seed"]): one["top1"] for one in done if one["as"] == way} for way in ways
    }
    others = [way for way in ways if way != EXACT]
    verdicts = judged([paired(means[way], means[EXACT], videos) for way in others], margin)
    lines = [
        "| as | file bytes | top-1 % | against float32 | verdict | p | p of level |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = dict(zip(others, verdicts, strict=True))
    for way in ways:
        size = statistics.mean(one["bytes"] for one in done if one["as"] == way)
        line = f"| {way} | {size:,.0f} | {statistics.mean(means[way].values()):.2f} |"
        if found := rows.get(way):
            half = "" if found.half_width is None else f" ± {found.half_width:.2f}"
            line += f" {found.mean:+.2f}{half} | {found.verdict} | {found.p_holm} | {found.p_level} |"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
