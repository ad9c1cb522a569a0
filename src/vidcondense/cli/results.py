"""Commands that show what is there."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from vidcondense.base.errors import VidcondenseError, printable
from vidcondense.base.options import CountOption
from vidcondense.base.repeats import say_next
from vidcondense.cli.arguments import Condensed, Folder, Page, Runs, condensed_file

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.


def report(runs: Runs = (), *, out: Page = Path("report.html")) -> None:
    """Write one self-contained HTML page about runs, each time from what is there.

    Args:
        runs: Run folders, the main one first; add a run of recipe random for comparison, and for the upper
            row the JSON of an evaluation of the whole store.
        out: File to write.
    """
    from vidcondense.cli.following import after_report
    from vidcondense.report import write_report

    if not runs:
        raise VidcondenseError("report needs at least one run folder")
    print(printable(str(write_report(list(runs), out))))
    after_report([run for run in runs if run.is_dir()])


def show(file: Condensed) -> None:
    """Say what is in a condensed file.

    Args:
        file: A condensed file or a run folder.
    """
    from rich.console import Console

    from vidcondense.condensed.show import describe
    from vidcondense.condensed.summary import Summary

    path = condensed_file(file)
    Console().print(describe(Summary.read(path), path))
    say_next("export", file, file / "clips" if file.is_dir() else file.with_name("clips"))


def export(
    file: Condensed,
    folder: Folder,
    *,
    format: Literal["mp4", "frames", "videofolder", "webdataset", "numpy"] = "mp4",
    fps: Annotated[float, arg(metavar="RATE")] = 8.0,
    scale: CountOption = 1,
    rendered: bool = False,
) -> None:
    """Write condensed videos as ordinary files, in place of those that an earlier export wrote.

    Args:
        file: A condensed file or a run folder.
        folder: New folder to write to, or one that an earlier export wrote.
        format: mp4: one clip per video; frames: one PNG per key frame; videofolder: clips that Hugging Face
            datasets loads; webdataset: clips in tar files; numpy: arrays of what networks are trained on.
        fps: Frames per second of mp4 clips.
        scale: Enlarge pictures N times.
        rendered: With --format frames: write the interpolated frames too.
    """
    from vidcondense.condensed import CondensedVideos
    from vidcondense.condensed import export as exporting

    written = exporting.export(
        CondensedVideos.load(condensed_file(file)), folder, format, fps=fps, scale=scale, rendered=rendered
    )
    print(printable(f"{len(written) - 1} files and an index in {folder}"))
    say_next("report" if file.is_dir() else "show", file)
