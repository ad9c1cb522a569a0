"""The keyword arguments of functions in Python are the options of the command line, with the same types."""

import dataclasses
import typing
from typing import Annotated, Any

import pytest

from vidcondense.base.settings import Settings
from vidcondense.data.options import PrepareFields, PrepareOptions
from vidcondense.evaluation.options import EvaluationFields, EvaluationOptions
from vidcondense.toys.options import ClipFields, ClipOptions


@pytest.mark.parametrize(
    ("fields", "options"),
    [(ClipFields, ClipOptions), (EvaluationFields, EvaluationOptions), (PrepareFields, PrepareOptions)],
)
def test_keyword_arguments_are_the_options(fields: Any, options: type[Settings]) -> None:
    hints = typing.get_type_hints(options, include_extras=True)
    named = {field.name: plain(hints[field.name]) for field in dataclasses.fields(options)}
    assert typing.get_type_hints(fields) == named
    assert not fields.__required_keys__


def plain(hint: Any) -> Any:
    """A type without its limits and its words for the help, also within a union."""
    if typing.get_origin(hint) is Annotated:
        return plain(typing.get_args(hint)[0])
    parts = [plain(part) for part in typing.get_args(hint)]
    if type(None) in parts:
        return typing.Union[tuple(parts)]  # noqa: UP007
    return hint
