"""Quantities as a reader says them: bytes, stretches of time, shares and counts."""

import re

from vidcondense.base.errors import VidcondenseError

MEBIBYTE = 2**20
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def mebibytes(count: float) -> str:
    """Bytes as MiB with three significant digits or so: "0.055 MiB", "1.23 MiB", "96.3 MiB", "1,024 MiB"."""
    value = count / MEBIBYTE
    digits = 3 if value < 0.1 else 2 if value < 10 else 1 if value < 1000 else 0
    return f"{value:,.{digits}f} MiB"


def size(count: float) -> str:
    """Bytes of a file, as budgets are given: "777 bytes", "15.9 KB", "1.56 MB", "2,310 MB"; 1 KB is 1000."""
    if count < 1000:
        return f"{count:.0f} bytes"
    value, unit = (count / 1e3, "KB") if count < 999_500 else (count / 1e6, "MB")
    digits = max(0, 3 - len(str(int(value))))
    return f"{value:,.{digits}f} {unit}"


def times(ratio: float) -> str:
    """ "3.4 ×", "120 ×": how many times larger one thing is than another."""
    return f"{ratio:,.0f} ×" if ratio >= 10 else f"{ratio:.1f} ×"


def gigabytes(count: float) -> str:
    """Bytes on a disk, as disks are told: "24.3 GB", "8.1 MB" below a tenth of that unit."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    """Seconds as "8.4 s", "12 min 5 s" or "3 h 20 min"."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def percent(fraction: float, digits: int = 1) -> str:
    """0.312 as "31.2 %"."""
    return f"{100 * fraction:.{digits}f} %"


def spread(mean: float, std: float | None) -> str:
    """A mean and its standard deviation, both fractions, as "31.2 ± 1.4 %", or "31.2 %" without one."""
    return percent(mean) if std is None else f"{100 * mean:.1f} ± {percent(std)}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 video", "2 videos", "2 classes" with `many` given."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def parse_bytes(text: str, option: str) -> int:
    """Bytes of "64KB", "1.5 MiB" or "65536".

    Args:
        text: what was given.
        option: for what.

    Raises:
        VidcondenseError: it is something else, or nothing.
    """
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d+)?)\s*([KMG]?i?B?)\s*", text, re.IGNORECASE)
    unit = UNITS.get(found[2].upper()) if found else None
    count = int(float(found[1]) * unit) if found and unit else 0
    if count < 1:
        raise VidcondenseError(f"{option} wants a number of bytes such as 64KB or 1MiB, not {text!r}")
    return count
