"""How fast `prepare` is beside plain PyAV: both rates and their ratio, measured in one run.

    python measurements/prepare.py SOURCE [--size 112] [--workers 0] [--videos 1000] [--rounds 3]

"Plain" is a loop that decodes every frame, scales it and makes it an array, keeping nothing, in as many
processes as `prepare` uses: what the cores can give. Its processes have started before the clock does;
those of `prepare` have not, and it also crops, hashes and writes. The rounds of the two alternate, so
that a busy machine slows both alike; the ratio of processor seconds depends on other work least.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import Interpolation, VideoReformatter

from vidcondense.base.processes import usable_cores
from vidcondense.data.framing import SCALE_OPTIONS, scaled_shape
from vidcondense.data.prepare import prepare
from vidcondense.data.sources import find_videos

Cost = tuple[float, float]  # seconds on the clock, seconds of processors


def plain(paths: list[str], size: int) -> int:
    """Decode and scale every frame of `paths`; returns the number of frames."""
    width, height = scaled_shape(size, "squeeze", Fraction(1))
    frames = 0
    for path in paths:
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_count, stream.thread_type = 1, "NONE"
            reformatter = VideoReformatter()
            for frame in container.decode(stream):
                scaled = reformatter.reformat(
                    frame, width, height, "rgb24", interpolation=Interpolation.BILINEAR, **SCALE_OPTIONS
                )
                scaled.to_ndarray()
                frames += 1
    return frames


def plain_child(size: int) -> None:
    """A process of the plain loop: says it is ready, takes paths, answers with its CPU seconds."""
    print("ready", flush=True)
    paths = sys.stdin.read().splitlines()
    begin = time.process_time()
    plain(paths, size)
    print(time.process_time() - begin, flush=True)


def plain_in_processes(paths: list[str], size: int, workers: int) -> Cost:
    """What `workers` processes need to decode and scale `paths`, each an equal share."""
    command = [sys.executable, __file__, "--plain", "--size", str(size)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    children = [subprocess.Popen(command, text=True, **pipes) for _ in range(workers)]
    for child in children:
        assert child.stdout and child.stdout.readline() == "ready\n"
    begin = time.perf_counter()
    for number, child in enumerate(children):
        assert child.stdin
        child.stdin.write("\n".join(paths[number::workers]))
        child.stdin.close()
    processors = sum(float(child.stdout.readline()) for child in children if child.stdout)
    return time.perf_counter() - begin, processors


def prepared(source: Path, store: Path, size: int, workers: int) -> Cost:
    """What `prepare` needs for the same videos, from the call to the finished store."""
    begin, before = time.perf_counter(), sum(os.times()[:4])
    prepare(source, store, size=size, workers=workers, progress=False, follow_links=True)
    cost = time.perf_counter() - begin, sum(os.times()[:4]) - before
    shutil.rmtree(store)
    return cost


def sample(source: Path, videos: int, folder: Path) -> Path:
    """Link an even choice of the source's videos into class folders, so that a round takes seconds."""
    found = find_videos(source)
    chosen = found.videos[:: max(1, len(found.videos) // videos)]
    for number, video in enumerate(chosen):
        target = folder / found.class_names[video.label] / f"{number:05d}{Path(video.path).suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to((found.root / video.path).resolve())
    return folder


def main() -> None:
    """Run the benchmark and print a few lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--workers", type=int, default=0, help="0: one per core")
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        plain_child(options.size)
        return
    if options.source is None:
        parser.error("name a folder of videos")
    workers = options.workers or usable_cores()
    with tempfile.TemporaryDirectory() as temporary:
        folder = sample(options.source, options.videos, Path(temporary) / "source")
        paths = [str(path) for path in sorted(folder.rglob("*")) if path.is_file()]
        frames = plain(paths, options.size)  # warms the page cache
        print(f"{len(paths)} videos, {frames} frames, {options.size} pixels, {workers} workers")
        ratios = []
        for _ in range(options.rounds):
            bare = plain_in_processes(paths, options.size, workers)
            ours = prepared(folder, Path(temporary) / "store", options.size, workers)
            ratios.append((bare[0] / ours[0], bare[1] / ours[1]))
            rates = f"plain {frames / bare[0]:.0f} frames/s, prepare {frames / ours[0]:.0f}"
            print(f"{rates}, ratio {ratios[-1][0]:.2f}, of processor seconds {ratios[-1][1]:.2f}")
    clock, processors = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"median ratio {clock:.2f}, of processor seconds {processors:.2f}")


if __name__ == "__main__":
    main()
