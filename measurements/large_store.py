"""What a store costs by its size: opening, drawing clips of every class, reading them, shuffling, memory.

    python measurements/large_store.py [--videos 1000 10000 100000] [--classes 100] [--per-class 8]

Writes stores of noise (8 frames of 32x32 a video, 24 kB), the largest of 2.5 GB, into a folder of its own
under --folder, measures each in a process of its own, and removes them. Times are of the processor, medians
over rounds, with files in the system's cache. The estimate for Kinetics-400 scales the largest store's costs.
"""

import argparse
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from vidcondense.base.compute import Compute
from vidcondense.data.batches import sample
from vidcondense.data.index import FORMAT_VERSION, StoreIndex, fingerprint, video_table, write_index
from vidcondense.data.shards import block_size, frame_bytes, frames_path
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.clips import StoreClips

FRAMES, STORED, SIZE, BATCH = 4, 8, 32, 64
KINETICS = 240_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--per-class", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.per_class)))
        return
    found = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for videos in options.videos:
            store = Path(folder) / str(videos)
            write(store, videos, options.classes)
            command = [
                sys.executable,
                __file__,
                "--measure",
                str(store),
                "--per-class",
                str(options.per_class),
            ]
            found[videos] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            shutil.rmtree(store)
            print(f"{videos} videos: {found[videos]}", flush=True)
    table(found)


def write(path: Path, videos: int, classes: int) -> None:
    """A store of noise, block by block; `prepare` would make the same files from videos."""
    path.mkdir()
    rng = np.random.default_rng(0)
    table = video_table(videos, 1)
    block = block_size(videos)
    table["label"] = np.arange(videos) * classes // videos
    table["frames"] = STORED
    table["shard"] = np.arange(videos) // block
    sizes = []
    for number, first in enumerate(range(0, videos, block)):
        count = min(block, videos - first)
        pixels = rng.integers(0, 256, (count, STORED * frame_bytes(SIZE)), dtype=np.uint8)
        frames_path(path, number).write_bytes(pixels.tobytes())
        digests = [hashlib.sha256(video.tobytes()).digest() for video in pixels]
        table["sha256"][first : first + count] = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)
        sizes.append(count * STORED)
    index = StoreIndex(
        format_version=FORMAT_VERSION,
        name="noise",
        class_names=tuple(f"class {number}" for number in range(classes)),
        split_names=("1",),
        frames=FRAMES,
        stride=1,
        size=SIZE,
        source={"folder": "none"},
        decoder={},
        fingerprint=fingerprint({}, table),
        videos=videos,
        shard_frames=tuple(sizes),
        skipped=(),
    )
    write_index(path, index, table, [f"{number:06d}" for number in range(videos)])


def measure(path: Path, per_class: int) -> dict[str, float]:
    """Costs of one store."""
    torch.set_num_threads(1)
    ClipStore.open(path)  # imports, and the files' way into the system's cache
    before = memory("VmRSS")
    opening = timed(lambda: ClipStore.open(path), 11)
    store = ClipStore.open(path)
    opened = memory("VmRSS") - before
    seeds = iter(range(10**6))
    fresh = iter([ClipStore.open(path) for _ in range(11)])
    classes = timed(lambda: next(fresh).by_class("train"), 11)
    sampling = timed(lambda: sample(store, per_class, 0.5, rng(next(seeds))), 51)
    batches = [sample(store, per_class, 0.5, rng(next(seeds))) for _ in range(12)]
    for batch in batches:  # the system's cache has these clips now
        store.read(batch.videos, batch.starts)
    draws = iter(batches)
    reading = timed(lambda: read(store, next(draws)), 11)
    clips = StoreClips(store, 0.5, Compute(torch.device("cpu"), torch.float32))
    epoch = timed(lambda: begin_epoch(clips, next(seeds)), 11)
    for number in range(200):  # clips from everywhere
        chosen = torch.randperm(len(clips), generator=torch.Generator().manual_seed(number))[:BATCH]
        clips.read(chosen, 0, 0)
    peak = memory("VmHWM") - before
    return {
        "opening": opening,
        "looking classes up, once": classes,
        "drawing a batch": sampling,
        "reading a batch": reading,
        "beginning an epoch": epoch,
        "clips in a batch": len(batches[0].videos),
        "opened MiB": opened / 1024,
        "peak MiB": peak / 1024,
        "MiB on disk": store.bytes / 2**20,
    }


def begin_epoch(clips: StoreClips, epoch: int) -> None:
    """The order of an epoch, its windows, and its first clip."""
    order = torch.randperm(len(clips), generator=torch.Generator().manual_seed(epoch))
    clips.read(order[:1], 0, epoch)


def read(store: ClipStore, batch) -> None:  # type: ignore[no-untyped-def]
    store.read(batch.videos, batch.starts)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def timed(function: Callable[[], object], rounds: int) -> float:
    """Median processor seconds of a call."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        function()
        times.append(time.process_time() - began)
    return statistics.median(times)


def memory(name: str) -> int:
    """KiB of this process: VmRSS now, VmHWM at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def table(found: dict[int, dict[str, float]]) -> None:
    """All sizes side by side, and the estimate for Kinetics-400."""
    sizes = list(found)
    print("| | " + " | ".join(f"{videos:,} videos" for videos in sizes) + " |")
    print("|---" * (len(sizes) + 1) + "|")
    for name in found[sizes[0]]:
        time = "MiB" not in name and "clips" not in name
        shown = [f"{1e3 * one[name]:.1f} ms" if time else f"{one[name]:.1f}" for one in found.values()]
        print(f"| {name} | " + " | ".join(shown) + " |")
    largest, scale = found[sizes[-1]], KINETICS / sizes[-1]
    opening, epoch = (1e3 * largest[name] * scale for name in ("opening", "beginning an epoch"))
    size = KINETICS * 8 * frame_bytes(64) / 1e9
    print(
        f"Kinetics-400, {KINETICS:,} videos, {size:.1f} GB with 8 frames of 64x64 each: opening at most "
        f"{opening:.0f} ms and {largest['opened MiB'] * scale:.0f} MiB, beginning an epoch at most "
        f"{epoch:.0f} ms"
    )


if __name__ == "__main__":
    main()
