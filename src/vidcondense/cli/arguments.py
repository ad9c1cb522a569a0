"""How arguments are called in help; the texts stand in the commands' docstrings."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from vidcondense.base.errors import VidcondenseError

Precision = Literal["auto", "float32", "bfloat16"]

Layout = Annotated[
    str,
    arg(
        metavar="NAME",
        help="How SOURCE is laid out: auto looks; or folders, split-folders, frame-folders, webdataset, "
        "ucf101, miniucf, hmdb51, hmdb51-vdsd, kinetics400, something-something-v2 (see docs/data.md).",
    ),
]
Count = Annotated[int, arg(metavar="N")]
Share = Annotated[float, arg(metavar="SHARE")]
Name = Annotated[str, arg(metavar="NAME")]
Device = Annotated[str, arg(metavar="DEVICE")]
Page = Annotated[Path, arg(metavar="FILE")]
Folder = Annotated[Positional[Path], arg(metavar="FOLDER")]
Source = Annotated[Positional[Path], arg(metavar="SOURCE")]
Store = Annotated[Positional[Path], arg(metavar="STORE")]
Condensed = Annotated[Positional[Path], arg(metavar="RUN|FILE")]
Runs = Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN [RUN ...]", help_behavior_hint="(required)")]
Overrides = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")]


def condensed_file(path: Path) -> Path:
    """The condensed file that a run folder or a file path means."""
    if not path.is_dir():
        return path
    file = path / "condensed.safetensors"
    if not file.is_file() and (path / "run.json").is_file():
        raise VidcondenseError(
            f"the run in {path} is not finished; go on with: vidcondense condense --resume {path}"
        )
    return file
