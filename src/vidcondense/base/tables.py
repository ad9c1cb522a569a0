"""Nested tables of settings, and the same by dotted keys."""

from collections.abc import Mapping
from typing import Any

from vidcondense.base.errors import VidcondenseError


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested tables as dotted keys; an empty table is a value."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= {f"{key}.{inner}": one for inner, one in flat(value).items()}
        else:
            found[key] = value
    return found


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as nested tables.

    Raises:
        VidcondenseError: a key names a table and a value at once.
    """
    tables: dict[str, Any] = {}
    for key, value in values.items():
        *path, name = key.split(".")
        table = tables
        for step in path:
            table = table.setdefault(step, {})
            if not isinstance(table, dict):
                raise VidcondenseError(f"unknown recipe key {key!r}: {step!r} is no table")
        table[name] = value
    return tables
