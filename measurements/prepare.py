"""What the command `vidcondense prepare` costs beside plain PyAV: processor seconds of both, and their ratio.

    python measurements/prepare.py SOURCE [--size 112] [--workers 0] [--videos 1000] [--rounds 3]

"Plain" is a program that decodes every frame, scales it and makes it an array, keeping nothing, in as many
processes as `prepare` uses: what the cores can give. Both sides are whole commands, from their start to
their end, with all their processes. The rounds of the two alternate, so that a busy machine slows both
alike; the ratio of processor seconds depends on other work least.
"""

import argparse
import os
import resource
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

from vidcondense.data.framing import SCALE_OPTIONS, scaled_shape

Cost = tuple[float, float]  # seconds on the clock, seconds of processors
ROUND = (
    "plain {0:.2f} s, {1:.2f} s of processors; prepare {2:.2f} s, {3:.2f} s; "
    "ratio {4:.2f}, of processor seconds {5:.2f}"
)


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


def cost_of(*commands: list[str]) -> Cost:
    """What commands that run side by side need until the last one has ended, with their child processes."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for command in commands
    ]
    for child in children:
        said, _ = child.communicate()
        if child.returncode:
            sys.exit(said.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begin, processors


def plainly(paths: list[str], size: int, workers: int, folder: Path) -> Cost:
    """What so many processes need to decode and scale the videos; their lists lie in `folder`."""
    command = [sys.executable, __file__, "--size", str(size), "--plain"]
    lists = [folder / f"{number}.txt" for number in range(workers)]
    for number, one in enumerate(lists):
        one.write_text("\n".join(paths[number::workers]))
    return cost_of(*([*command, str(one)] for one in lists))


def prepared(source: Path, store: Path, size: int, workers: int) -> Cost:
    """What `prepare` needs for the same videos."""
    command = [sys.executable, "-m", "vidcondense", "prepare", str(source), str(store)]
    cost = cost_of([*command, "--size", str(size), "--workers", str(workers), "--follow-links"])
    shutil.rmtree(store)
    return cost


def sample(source: Path, videos: int, folder: Path) -> Path:
    """Link an even choice of the source's videos into class folders, so that a round takes seconds."""
    from vidcondense.data.sources import find_videos  # the plain program does without it

    found = find_videos(source, follow_links=True)
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
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        plain(options.plain.read_text().splitlines(), options.size)
        return
    if options.source is None:
        parser.error("name a folder of videos")
    workers = options.workers or len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as temporary:
        folder = sample(options.source, options.videos, Path(temporary) / "source")
        paths = [str(path) for path in sorted(folder.rglob("*")) if path.is_file()]
        frames = plain(paths, options.size)  # warms the page cache
        print(f"{len(paths)} videos, {frames} frames, {options.size} pixels, {workers} workers")
        rounds = []
        for _ in range(options.rounds):
            bare = plainly(paths, options.size, workers, Path(temporary))
            ours = prepared(folder, Path(temporary) / "store", options.size, workers)
            rounds.append((*bare, *ours, bare[0] / ours[0], bare[1] / ours[1]))
            print(ROUND.format(*rounds[-1]))
    for name, column in zip(("clock", "processors"), list(zip(*rounds, strict=True))[4:], strict=True):
        middle, least, most = statistics.median(column), min(column), max(column)
        print(f"ratio by {name}: {middle:.2f} ({least:.2f} to {most:.2f})")


if __name__ == "__main__":
    main()
