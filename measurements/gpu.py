"""The day with a GPU: what nobody could measure without one, in one command of 25 minutes at most.

    python measurements/gpu.py [--data JHMDB-21] [--out build/gpu] [--minutes 25] [--only SECTION ...]
    python measurements/gpu.py --small                 # a minute: does everything run on this card?
    python measurements/gpu.py --device cpu            # the same small form on a processor

Nothing is downloaded: without --data the videos are generated. Every section's result is written as soon as
it is there and is not done again; the same command goes on with what is missing, or has failed. --out gets
report.md and results.json; stores and runs stay in its folder `work`. Exit code 1 says that something failed.
"""

import argparse
import json
import math
import os
import shlex
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch

import gpu_report
from gpu_check import check
from gpu_job import Job, Result, free_memory
from gpu_options import autotune, compiled, graphs, layout, many_networks, processes, resident, streams
from gpu_runs import long_run, memory, repeat
from gpu_speed import prepare, speed
from vidcondense.base import files
from vidcondense.base.compute import choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.base.repeats import refuse_difference
from vidcondense.base.versions import versions

REPEAT = "name another --out"
Record = dict[str, Any]


class Section(NamedTuple):
    """A part of the day."""

    title: str
    run: Callable[[Job], Result]
    seconds: float  # that have to be left when it begins, on a card


SECTIONS = {
    "check": Section("Self-check: every operator against float64", check, 120),
    "speed": Section("Against the slow reference and the ceilings", speed, 120),
    "layout": Section("Channels-last memory", layout, 20),
    "autotune": Section("cuDNN's choice by trial (cudnn.benchmark)", autotune, 30),
    "graphs": Section("CUDA graphs: what launches cost", graphs, 30),
    "compile": Section("torch.compile", compiled, 150),
    "streams": Section("Several streams", streams, 20),
    "processes": Section("Several processes", processes, 90),
    "networks": Section("Many networks at once", many_networks, 30),
    "prepare": Section("`prepare` against plain decoding", prepare, 120),
    "resident": Section("Frames in the device's memory", resident, 60),
    "memory": Section("Memory: estimate and peak", memory, 90),
    "repeat": Section("Two runs, the same bytes", repeat, 90),
    "long": Section("The papers' recipe (prism), as far as time goes", long_run, 90),
}


def main(words: list[str] | None = None) -> int:
    """Run the sections that are missing; 0 if all is well, 1 if a section failed, 2 for bad input."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="real videos, such as JHMDB-21; without: generated ones")
    parser.add_argument("--out", type=Path, default=Path("build/gpu"))
    parser.add_argument("--only", nargs="+", choices=SECTIONS, metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--minutes", type=float, default=25.0, help="for this call")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--small", action="store_true", help="everything as small as it can be")
    options = parser.parse_args(words)
    ends = time.monotonic() + 60 * options.minutes
    try:
        compute = choose(options.device, options.precision)
        small = options.small or compute.device.type == "cpu"
        if compute.device.type == "cpu":  # threads that wait for each other cost more than such small work
            torch.set_num_threads(1)
        out = files.make_folder(options.out)
        job = Job(compute, small, files.make_folder(out / "work"), options.data, ends)
        with files.lock_folder(out):
            return go_on(job, out, about(job), options.only or list(SECTIONS), given(words))
    except VidcondenseError as error:
        print(error, file=sys.stderr)
        return 2
    except (Interrupted, KeyboardInterrupt):
        print(f"stopped; what is done is kept, go on with:\n  {given(words)}", file=sys.stderr)
        return 130


def given(words: list[str] | None) -> str:
    """The command, to be given again."""
    return shlex.join(["python", "measurements/gpu.py", *(sys.argv[1:] if words is None else words)])


def about(job: Job) -> Record:
    """What decides figures; sections of one folder share it."""
    compute, on_gpu = job.compute, job.on_gpu
    return {
        "hardware": compute.hardware(),
        "memory, GiB": round(compute.memory() / 2**30, 1),
        "cores": os.cpu_count(),
        "precision": compute.precision,
        "form": "small" if job.small else "full",
        "videos": "generated (actions)" if job.data is None else str(job.data),
        "cuda": torch.version.cuda if on_gpu else "none",
        "cudnn": torch.backends.cudnn.version() if on_gpu else "none",
        **versions(),
    }


def go_on(job: Job, out: Path, made_with: Record, wanted: list[str], command: str) -> int:
    """Run what is wanted and missing, what failed before last, so that it does not stand in the way."""
    known = out / "about.json"
    if known.is_file():
        refuse_difference(out, files.read_json(known, dict[str, Any]), made_with, REPEAT)
    files.write_json(known, made_with)
    records = {name: record for name in SECTIONS if (record := read(out, name)) is not None}
    missing = [name for name in wanted if records.get(name, {}).get("status") != "done"]
    for name in sorted(missing, key=lambda name: records.get(name, {}).get("status") in ("failed", "begun")):
        needed = 0 if job.small else SECTIONS[name].seconds
        if job.left() <= needed:
            continue
        print(f"{name}: {SECTIONS[name].title}", flush=True)
        write(out, name, {"status": "begun"})  # a process that is killed here tries it last the next time
        records[name] = record_of(job, SECTIONS[name])
        write(out, name, records[name])
        summarise(out, made_with, records, command)
        if job.on_gpu and not answers():
            print("the GPU no longer answers this process; give the command again", file=sys.stderr)
            break
        free_memory()
    summarise(out, made_with, records, command)
    return finish(out, records, wanted, command)


def record_of(job: Job, section: Section) -> Record:
    """What a section found, or the last line of its error."""
    began = time.perf_counter()
    try:
        result = section.run(job)
    except Exception as error:  # one section's error must not lose the others
        traceback.print_exc()
        lines = f"{type(error).__name__}: {error}".strip().splitlines()
        return {"status": "failed", "error": lines[-1], "seconds": round(time.perf_counter() - began, 1)}
    status = "unfinished" if result.unfinished else "done"
    return {"status": status, "seconds": round(time.perf_counter() - began, 1), **asdict(finite(result))}


def finite(result: Result) -> Result:
    """The same; a number that is none is a failure, since JSON cannot hold it."""
    for rows in result.tables.values():
        for row in rows:
            for key, value in row.items():
                if isinstance(value, float) and not math.isfinite(value):
                    row[key] = str(value)
                    result.failing.append(f"{key} is {value}")
    return result


def answers() -> bool:
    """Whether the GPU still does what it is told; after some errors it does nothing more for a process."""
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return True


def finish(out: Path, records: dict[str, Record], wanted: list[str], command: str) -> int:
    """Say where the report is and what is not done."""
    left = [name for name in wanted if records.get(name, {}).get("status") not in ("done", "failed")]
    failed = [name for name in wanted if bad(records.get(name, {}))]
    print(f"{out / 'report.md'} and {out / 'results.json'} are written")
    if left:
        print(f"not done: {', '.join(left)}; go on with:\n  {command}")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def bad(record: Record) -> bool:
    """Whether a section failed, or found something wrong."""
    return record.get("status") == "failed" or bool(record.get("failing"))


def read(out: Path, name: str) -> Record | None:
    """A section's record, if there is one."""
    path = out / "sections" / f"{name}.json"
    return files.read_json(path, dict[str, Any]) if path.is_file() else None


def write(out: Path, name: str, record: Record) -> None:
    """Keep a section's record."""
    files.write_json(files.make_folder(out / "sections") / f"{name}.json", record)


def summarise(out: Path, made_with: Record, records: dict[str, Record], command: str) -> None:
    """Both summaries of what there is."""
    every = {name: records.get(name, {"status": "not done"}) for name in SECTIONS}
    json.dumps(every, allow_nan=False)
    files.write_json(out / "results.json", {"about": made_with, "sections": every})
    titles = {name: section.title for name, section in SECTIONS.items()}
    text = gpu_report.page(made_with, titles, every, command)
    files.write_bytes(out / "report.md", text.encode())


if __name__ == "__main__":
    sys.exit(main())
