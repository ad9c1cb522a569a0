"""What `prepare` tells the person in front of it, on standard error."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.text import Text

from vidcondense.data.decode import DecodeError, probe_frames
from vidcondense.data.shards import frame_bytes

PROBES = 12
LISTED = 20


class Rate(ProgressColumn):
    """Videos per second of this run."""

    def render(self, task: Task) -> Text:
        """The column's text."""
        return Text(f"{task.speed:.1f} videos/s" if task.speed else "")


class Messages:
    """A progress bar on a terminal, a few short lines elsewhere, nothing when switched off."""

    def __init__(self, enabled: bool) -> None:
        """Print to standard error if `enabled`."""
        self._console = Console(stderr=True, quiet=not enabled, highlight=False, soft_wrap=True)

    def line(self, text: str) -> None:
        """Print one line."""
        self._console.print(escape(text))

    def begin(self, name: str, videos: int, kept: int, expected_bytes: int, store: Path) -> None:
        """Say what is about to happen and what it will take."""
        earlier = f" ({kept} more are there from an earlier run)" if kept else ""
        self.line(
            f"preparing {videos} videos of {name}{earlier}, about {gigabytes(expected_bytes)} in {store}"
        )
        free = shutil.disk_usage(store).free
        if expected_bytes > free:
            self.line(f"warning: only {gigabytes(free)} free there")

    @contextmanager
    def bar(self, total: int, done: int) -> Iterator[Callable[[int], None]]:
        """Show progress in videos; yields a function that adds to what is done."""
        if not self._console.is_terminal or self._console.quiet or done == total:
            yield lambda count: None
            return
        columns = (
            TextColumn("decoding"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(),
            TimeLeft(),
            TextColumn("left"),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task("decoding", total=total, completed=done)
            yield lambda count: progress.advance(task, count)

    def skipped(self, files: Sequence[tuple[str, str]]) -> None:
        """List files that are not in the store, and why; all of them are in the index."""
        if files:
            self.line(f"skipped {len(files)} file{'s' if len(files) > 1 else ''}:")
            self._list([f"{path}: {reason}" for path, reason in files])

    def duplicates(self, pairs: Sequence[tuple[str, str, str]]) -> None:
        """Warn of test videos that are also training videos."""
        if pairs:
            self.line(f"warning: {len(pairs)} test videos are also among the training videos:")
            self._list([f"{test} is {train} (split {split})" for train, test, split in pairs])

    def _list(self, lines: Sequence[str]) -> None:
        for text in lines[:LISTED]:
            self.line(f"  {text}")
        if len(lines) > LISTED:
            self.line(f"  and {len(lines) - LISTED} more")


def gigabytes(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def estimated_bytes(paths: Sequence[Path], size: int) -> int:
    """Bytes of the frames of all `paths` at `size`, estimated from the headers of a few of them."""
    counts = []
    for path in paths[:: max(1, len(paths) // PROBES)]:
        try:
            counts.append(probe_frames(path))
        except DecodeError:
            continue
    known = [count for count in counts if count]
    return round(sum(known) / len(known) * len(paths) * frame_bytes(size)) if known else 0
