"""Docstrings here have one "Example:"; the reference shows it as code, as it shows "Examples:"."""

from typing import Any

from griffe import Extension, Object


class SingleExample(Extension):
    """Read "Example:" as "Examples:"."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
