"""Bytes packed by LZMA2, and unpacked within a limit."""

import lzma

from vidcondense.base.errors import VidcondenseError

_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 0}]


def pack(data: bytes) -> bytes:
    """The same bytes, packed, without a header or a checksum."""
    return lzma.compress(data, lzma.FORMAT_RAW, filters=_FILTERS)


def unpack(data: bytes, most: int) -> bytes:
    """Undo `pack`.

    Args:
        data: bytes, perhaps a stranger's.
        most: bytes that may come out.

    Raises:
        VidcondenseError: they are damaged, or more would come out.
    """
    try:
        made = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS).decompress(data, most + 1)
    except lzma.LZMAError as error:
        raise VidcondenseError(f"packed numbers cannot be unpacked ({error})") from error
    if len(made) > most:
        raise VidcondenseError(f"packed numbers have more than {most:,} bytes")
    return made
