"""What `prepare` tells the person in front of it, on standard error."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.text import Text

from vidcondense.base.errors import printable
from vidcondense.data.estimate import Estimate, duration, free_bytes, gigabytes
from vidcondense.data.layouts import LAYOUTS
from vidcondense.data.plan import Plan

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
        self._console.print(escape(printable(text)))

    def lines(self, texts: Sequence[str]) -> None:
        """Print several lines."""
        for text in texts:
            self.line(text)

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


def describe(plan: Plan, expected: Estimate, seconds: float | None) -> list[str]:
    """What was found, what the papers use for such a dataset, and what is left to do and will take."""
    found, content = plan.found, plan.content
    splits = f"split{'s' if len(found.split_names) > 1 else ''} {', '.join(found.split_names)}"
    gone = f"; {len(found.missing)} unusable" if found.missing else ""
    lines = [
        f"{content['name']}: {len(found.videos)} videos in {len(found.class_names)} classes, {splits} "
        f"(layout {found.layout}){gone}"
    ]
    published = LAYOUTS[found.layout].published
    if published and published != (content["frames"], content["stride"], content["size"]):
        frames, stride, size = published
        lines.append(f"the papers' settings for it: --frames {frames} --stride {stride} --size {size}")
    earlier = len(found.videos) - expected.videos
    kept = f" ({earlier} more are there from an earlier run)" if earlier else ""
    much = (
        f"about {expected.frames} frames, {gigabytes(expected.bytes)}" if expected.frames else "size unknown"
    )
    time = f", {duration(seconds)} of decoding" if seconds is not None else ""
    free = gigabytes(free_bytes(plan.store))
    lines.append(
        f"to decode: {expected.videos} videos{kept}, {much}{time}; to {plan.store}, {free} free there"
    )
    return lines
