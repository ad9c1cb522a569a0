"""How arguments are called in help; the texts stand in the commands' docstrings."""

from pathlib import Path
from typing import Annotated, TypeVar

from tyro.conf import Positional, UseAppendAction, arg

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.repeats import command

T = TypeVar("T")
Flat = Annotated[T, arg(name="")]
"""The options of a class, as if each were an argument of the command."""
Page = Annotated[Path, arg(metavar="FILE")]
Folder = Annotated[Positional[Path], arg(metavar="FOLDER")]
Source = Annotated[Positional[str], arg(metavar="SOURCE")]
"""A folder or an address, of which a Path would make one slash of two."""
Store = Annotated[Positional[Path], arg(metavar="STORE")]
Condensed = Annotated[Positional[Path], arg(metavar="RUN|FILE")]
Runs = Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN [RUN ...]", help_behavior_hint="(required)")]
Sets = Annotated[
    Positional[tuple[Path, ...]], arg(metavar="RUN|FILE [RUN|FILE ...]", help_behavior_hint="(required)")
]
Overrides = Annotated[UseAppendAction[tuple[str, ...]], arg(name="set", metavar="KEY=VALUE")]


def condensed_file(path: Path) -> Path:
    """The condensed file that a run folder or a file path means."""
    if not path.is_dir():
        return path
    from vidcondense.run.folder import RunFolder

    run = RunFolder(path)
    if not run.condensed.is_file() and run.description.is_file():
        go_on = command("condense", "--resume", path)
        raise VidcondenseError(f"the run in {path} is not finished; go on with: {go_on}")
    return run.condensed
