"""What is done with condensed sets and runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidcondense.api.spoken import speaks_python
from vidcondense.base.errors import VidcondenseError

if TYPE_CHECKING:
    from vidcondense.condensed import CondensedVideos
    from vidcondense.condensed.export import Format

# Functions import what they need when they are called: `import vidcondense` does not wait for PyTorch.


@speaks_python
def write_report(runs: Sequence[str | Path], out: str | Path = "report.html") -> Path:
    """Write one self-contained HTML page about runs.

    Args:
        runs: run folders, the main one first; a run of recipe "random" to compare with, and JSON files of
            evaluations of a whole store.
        out: the page.

    Returns:
        `out`.

    Raises:
        VidcondenseError: no runs, one is damaged, or the page cannot be written.

    Example:
        >>> write_report(["runs/prism", "runs/random"], "report.html")
    """
    from vidcondense.report import write_report as write

    if isinstance(runs, str | Path):
        raise VidcondenseError(f"runs must be a list of run folders, such as [{str(runs)!r}]")
    return write([Path(run) for run in runs], Path(out))


@speaks_python
def export(
    condensed: "CondensedVideos | str | Path",
    folder: str | Path,
    format: "Format" = "mp4",
    *,
    fps: float = 8,
    scale: int = 1,
    rendered: bool = False,
) -> list[Path]:
    """Write a condensed set as ordinary files, in place of those that an earlier export wrote.

    Args:
        condensed: a set, its file or run.
        folder: a new folder, or one that an earlier export wrote.
        format: "mp4", "frames", "videofolder" (Hugging Face `datasets`), "webdataset" or "numpy".
        fps: frames per second of clips.
        scale: whole-number enlargement of pictures; not for numpy.
        rendered: with "frames", the interpolated frames too.

    Returns:
        The files written, the index last.

    Raises:
        VidcondenseError: an argument is out of range, or the folder holds something else.

    Example:
        >>> files = export("runs/prism", "clips", "mp4", scale=4)
    """
    from vidcondense.condensed import CondensedVideos
    from vidcondense.condensed.export import export as write

    made = condensed if isinstance(condensed, CondensedVideos) else CondensedVideos.load(condensed)
    return write(made, Path(folder), format, fps=fps, scale=scale, rendered=rendered)


@speaks_python
def merge(
    sets: "Sequence[CondensedVideos | str | Path]", class_names: Sequence[str] | None = None
) -> "CondensedVideos":
    """One set of the videos of several.

    Args:
        sets: condensed sets of one kind and size, their files or runs.
        class_names: the classes to take, in the order of their labels; None takes all.

    Raises:
        VidcondenseError: sets do not go together, or a class is not there.

    Example:
        >>> both = merge(["runs/first", "runs/second"])
        >>> both.save("both.safetensors")
    """
    from vidcondense.condensed import CondensedVideos
    from vidcondense.condensed import merge as join

    made = [one if isinstance(one, CondensedVideos) else CondensedVideos.load(one) for one in sets]
    return join(made, class_names)


@speaks_python
def run_benchmark(
    name: str, store: str | Path | None, out: str | Path, *, force: bool = False, **choices: Any
) -> Path:
    """A table or figure of the papers on your data; called again it goes on cell by cell.

    Args:
        name: "accuracy", "storage", "bytes" or another of docs/benchmark.md.
        store: the folder of a store; "storage" works without one (None).
        out: a folder for the page, its tables and its runs.
        force: measure the benchmark's cells anew.
        choices: fields of `vidcondense.benchmark.options.Options`, such as methods=("random", "dm") and
            seeds=(0, 1, 2); a single text or number stands for one of several.

    Returns:
        The page, in Markdown.

    Raises:
        VidcondenseError: an option that does not fit, a folder of other cells, or cells that failed, which
            the page lists.

    Example:
        >>> page = run_benchmark("accuracy", "store", "tables", methods=("random", "prism"), vpc=(1,))
    """
    from dataclasses import fields

    from vidcondense.base.names import nearest
    from vidcondense.benchmark.options import Options
    from vidcondense.benchmark.run import run_benchmark as measure

    usual = {one.name: one.default for one in fields(Options)}
    for choice, value in choices.items():
        if choice not in usual:
            raise VidcondenseError(f"no choice {choice!r}; did you mean {nearest(choice, list(usual))!r}?")
        if isinstance(usual[choice], tuple) and isinstance(value, str | int):
            choices[choice] = (value,)
    page, failed = measure(
        name, None if store is None else Path(store), Path(out), Options(**choices), force=force
    )
    if failed or page is None:
        reasons = "; ".join(f"{cell.row} {cell.column}: {cell.reason}" for cell in failed)
        raise VidcondenseError(f"{len(failed)} cells failed, listed in {page}: {reasons}")
    return page


@speaks_python
def push(
    source: str | Path, repo: str, *, public: bool = False, license: str | None = None, force: bool = False
) -> str:
    """Send a condensed set to the Hugging Face Hub, with a card made from it.

    Args:
        source: a condensed file or a run folder.
        repo: "user/name"; made, private, if it is not there.
        public: whether a repository that is made is for everybody.
        license: for the card, as the hub names it, such as "cc-by-4.0".
        force: replace a card that is there.

    Returns:
        The address.

    Raises:
        VidcondenseError: no set, huggingface_hub is not installed, or the hub refuses.

    Example:
        >>> address = push("runs/prism", "me/walks-condensed", license="cc-by-4.0")
    """
    from vidcondense.hub.transfer import push as send

    return send(Path(source), repo, public=public, license=license, force=force)[0]


@speaks_python
def pull(
    repo: str, file: str | Path, *, revision: str = "main", most_bytes: int = 10**9, force: bool = False
) -> "CondensedVideos":
    """Fetch a condensed set from the Hugging Face Hub; anything else than such a set is refused.

    Args:
        repo: "user/name".
        file: where to; one that holds the same set is left as it is.
        revision: a branch, a tag or a commit.
        most_bytes: a file with more is refused.
        force: replace another condensed set in `file`.

    Raises:
        VidcondenseError: no such repository, another file in it, too many bytes, or `file` is taken.

    Example:
        >>> condensed = pull("me/walks-condensed", "walks.safetensors")
    """
    from vidcondense.hub.transfer import pull as fetch

    return fetch(repo, Path(file), revision=revision, most_bytes=most_bytes, force=force)
