"""What `prepare` takes of tens of thousands of videos, and figures for Kinetics-400 from that.

    python measurements/many_videos.py FOLDER --videos 20000
    python measurements/many_videos.py FOLDER --videos 20000 --on ray --videos-per-shard 200
    python measurements/many_videos.py FOLDER --table
    python measurements/many_videos.py UCF-101 --forecast

The videos are few: 48 generated clips, each under hundreds of names (hard links), none both for training and
testing. Seconds are those of the processor, of all processes here; those of nodes of Ray are not counted.
A run adds a line to FOLDER/lines.jsonl; a stopped one goes on, and its seconds add up.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from vidcondense import generate
from vidcondense.data.decode import decode_frames, open_video
from vidcondense.data.index import is_store, read_index

CLASSES, KEEP, SIZE = 400, 8, 64
KINETICS, LONG, WIDTH, HEIGHT = 240_000, 300, 340, 256


def link(folder: Path, videos: int) -> Path:
    """A source of so many videos, a fifth of them for testing."""
    few = generate(
        "actions", folder / "few", train_per_class=6, test_per_class=2, classes=6, frames=16, size=SIZE
    )
    source = folder / f"source-{videos}"
    per_class = videos // CLASSES
    for split, count in (("train", per_class - per_class // 5), ("test", per_class // 5)):
        clips = sorted((few / split).glob("*/*.mp4"))
        for label in range(CLASSES):
            place = source / split / f"class-{label:03d}"
            place.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                name = place / f"{number:05d}.mp4"
                if not name.exists():
                    os.link(clips[(label * count + number) % len(clips)], name)
    return source


def run(folder: Path, given: argparse.Namespace) -> None:
    """Prepare, and note what it took."""
    source = link(folder, given.videos)
    store = folder / f"store-{given.videos}-{given.on}"
    words = ("prepare", source, store, "--frames", KEEP, "--keep", KEEP, "--size", SIZE, "--on", given.on)
    words += ("--videos-per-shard", given.videos_per_shard) if given.videos_per_shard else ()
    words += ("--workers", given.workers) if given.on == "here" else ()
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    code = subprocess.run([sys.executable, "-m", "vidcondense", *map(str, words)], check=False).returncode
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    line: dict[str, Any] = {
        "store": store.name,
        "code": code,
        "clock": round(time.perf_counter() - began, 1),
        "processor": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
    }
    if is_store(store):
        index = read_index(store)
        size = sum(path.stat().st_size for path in store.iterdir())
        line |= {"videos": index.videos, "units": len(index.shard_frames), "bytes": size}
        line |= {"fingerprint": index.fingerprint}
    with (folder / "lines.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(line)


def table(folder: Path) -> None:
    """Print the runs."""
    lines = [json.loads(line) for line in (folder / "lines.jsonl").read_text().splitlines()]
    print("| run | videos | units | bytes | seconds of cores | ms per video | fingerprint |")
    print("|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(line["store"] for line in lines):
        of = [line for line in lines if line["store"] == name]
        seconds, last = sum(line["processor"] for line in of), of[-1]
        each = 1000 * seconds / last["videos"]
        cells = (name, f"{last['videos']:,}", last["units"], f"{last['bytes']:,}", f"{seconds:.1f}")
        print("", *cells, f"{each:.2f}", last["fingerprint"][:8], sep=" | ", end=" |\n")


def forecast(videos: Path) -> None:
    """Print what Kinetics-400 takes, by decoding real videos: as much per frame, and per pixel of it."""
    began, frames, pixels = time.process_time(), 0, 0
    for path in sorted(videos.rglob("*.avi")):
        with open_video(path) as container:
            area = container.streams.video[0].width * container.streams.video[0].height
        count = sum(1 for _ in decode_frames(path, SIZE))
        frames, pixels = frames + count, pixels + count * area
    seconds = time.process_time() - began
    one = seconds / pixels * LONG * WIDTH * HEIGHT
    print(
        f"{frames:,} frames in {seconds:.1f} s of a core; {one:.3f} s for {LONG} frames of {WIDTH}x{HEIGHT}"
    )
    hours, size = KINETICS * one / 3600, KINETICS * KEEP * SIZE * SIZE * 3
    print(f"Kinetics-400: {KINETICS:,} videos, 512 units, {hours:.1f} hours of a core, {size / 1e9:.1f} GB")


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=20_000)
    parser.add_argument("--videos-per-shard", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--on", default="here")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--forecast", action="store_true")
    given = parser.parse_args()
    if given.forecast:
        forecast(given.folder)
    elif given.table:
        table(given.folder)
    else:
        given.folder.mkdir(parents=True, exist_ok=True)
        run(given.folder, given)


if __name__ == "__main__":
    main()
