"""Small helpers that make HTML and the words in it; all that comes from data goes through `tag` or `esc`."""

import html
from collections.abc import Iterable

from vidcondense.condensed import MEBIBYTE


class Markup(str):
    """A string that is HTML already; every other string is escaped where it is put in."""

    __slots__ = ()


def esc(text: object) -> Markup:
    """Text as HTML."""
    return text if isinstance(text, Markup) else Markup(html.escape(str(text)))


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Parts after one another, each escaped unless it is Markup."""
    return Markup(between.join(esc(part) for part in parts))


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element with its escaped children; attributes that are None or False are left out."""
    written = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        written += f" {key}" if value is True else f' {key}="{html.escape(str(value))}"'
    if name in {"input", "br", "col"}:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def percent(fraction: float, digits: int = 1) -> str:
    """0.312 as "31.2 %"."""
    return f"{100 * fraction:.{digits}f}\N{NO-BREAK SPACE}%"


def spread(mean: float, std: float | None) -> str:
    """A mean and its standard deviation, both fractions, as "31.2 ± 1.4 %", or "31.2 %" without one."""
    if std is None:
        return percent(mean)
    return f"{100 * mean:.1f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{100 * std:.1f}\N{NO-BREAK SPACE}%"


def mib(count: float) -> str:
    """Bytes as MiB with three significant digits or so."""
    value = count / MEBIBYTE
    digits = 3 if value < 0.1 else 2 if value < 10 else 1 if value < 1000 else 0
    return f"{value:,.{digits}f}\N{NO-BREAK SPACE}MiB"


def duration(seconds: float) -> str:
    """Seconds as a reader says them: "8.4 s", "12 min 5 s", "3 h 20 min"."""
    if seconds < 60:
        return f"{seconds:.1f}\N{NO-BREAK SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}\N{NO-BREAK SPACE}min {rest}\N{NO-BREAK SPACE}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}\N{NO-BREAK SPACE}h {minutes}\N{NO-BREAK SPACE}min"


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 video", "2 videos", "2 classes" with `many` given."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
