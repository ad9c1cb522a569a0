"""Progress of long work: a bar with the time left on a terminal, a line now and then elsewhere."""

import time
from types import TracebackType

from rich import progress as bars
from rich.console import Console

LINE_SECONDS = 30.0


class Progress:
    """Counts up to `total`; use as a context manager.

    Args:
        total: steps in all.
        done: steps done before.
        enabled: False prints nothing.
    """

    def __init__(self, total: int, done: int = 0, *, enabled: bool = True) -> None:
        self.console = Console(stderr=True, quiet=not enabled)
        self.total, self.done = total, done
        self._began, self._last, self._first = time.monotonic(), time.monotonic(), done
        self._bar = bars.Progress(
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.description}"),
            bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(),
            console=self.console,
            disable=not (enabled and self.console.is_terminal and total > 0),
        )
        self._task = self._bar.add_task("", total=total, completed=done)

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line beside the bar."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def advance(self, steps: int = 1, /, **values: float) -> None:
        """So many steps done; `values` are shown beside the bar."""
        self.done += steps
        text = "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items())
        if not self._bar.disable:
            self._bar.update(self._task, completed=self.done, description=text)
        elif time.monotonic() - self._last > LINE_SECONDS:
            self._last = time.monotonic()
            rate = (self._last - self._began) / (self.done - self._first)
            left = rate * (self.total - self.done) / 60
            self.say(f"{self.done}/{self.total}  {text}  {left:.1f} min left")
