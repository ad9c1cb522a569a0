"""JSON is read or refused with the name of what is wrong in it."""

from typing import Any, Literal, NotRequired, TypedDict

import pytest

from vidcondense.base import plain
from vidcondense.base.errors import VidcondenseError


class Inner(TypedDict):
    path: str
    sizes: list[int]


class Outer(TypedDict):
    inner: Inner
    kind: Literal["a", "b"]
    values: list[float | None]
    by_name: NotRequired[dict[str, float]]
    share: NotRequired[plain.Share | None]
    counts: NotRequired[list[plain.Count]]
    anything: NotRequired[Any]


GOOD: dict[str, Any] = {
    "inner": {"path": "p", "sizes": [1, -(2**63)], "more": 7},
    "kind": "b",
    "values": [1, 2.5, None],
    "by_name": {"x": 0},
}


def test_what_fits_passes_and_other_keys_may_come_too() -> None:
    plain.expect({**GOOD, "anything": [{}], "unknown": 1}, Outer)
    plain.expect((1, 2), list[int], "pair")
    plain.expect(2**63 - 1, int)
    for share in (0, 0.5, 1.0, None):
        plain.expect({**GOOD, "share": share, "counts": [0, 2**63 - 1]}, Outer)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": {"path": "p"}}, "it has no 'inner.sizes'"),
        ({"inner": None}, "inner must be of type dict"),
        ({"inner": {"path": 1, "sizes": []}}, "inner.path must be of type str, not 1"),
        ({"inner": {"path": "", "sizes": [0, True]}}, r"inner.sizes\[1\] must be of type int, not True"),
        ({"inner": {"path": "", "sizes": [2**63]}}, r"inner.sizes\[0\] must be of type int"),
        ({"inner": {"path": "", "sizes": [-(2**63) - 1]}}, r"inner.sizes\[0\] must be of type int"),
        ({"inner": {"path": "", "sizes": "12"}}, "inner.sizes must be of type list"),
        ({"kind": "c"}, "kind must be of type typing.Literal"),
        ({"kind": ["a"]}, "kind must be of type typing.Literal"),
        ({"values": [1.0, float("inf")]}, r"values\[1\] must be of type float \| None, not inf"),
        ({"values": [float("nan")]}, r"values\[0\] .* not nan"),
        ({"values": [10**400]}, r"values\[0\] .* not 1000*\.\.\.$"),
        ({"by_name": {"x": False}}, r"by_name\['x'\] must be of type float, not False"),
        ({"by_name": [1.0]}, "by_name must be of type dict"),
        ({"share": -1e-9}, r"share must be of type float in 0\.\.1 \| None, not -1e-09"),
        ({"share": 1.01}, "share must be"),
        ({"share": float("nan")}, "share must be"),
        ({"counts": [3, -1]}, r"counts\[1\] must be of type int, 0 or more, not -1"),
        ({"counts": [0.5]}, r"counts\[0\] must be"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(VidcondenseError, match=message) as caught:
        plain.expect({**GOOD, **change}, Outer)
    assert len(str(caught.value)) < 200
    with pytest.raises(VidcondenseError, match="it must be of type dict"):
        plain.expect([GOOD], Outer)


def test_nesting_has_an_end() -> None:
    assert plain.parse('{"a": [[1]]}') == {"a": [[1]]}
    deepest = plain.parse("[" * plain.DEEPEST + "]" * plain.DEEPEST)
    for _ in range(plain.DEEPEST - 1):
        (deepest,) = deepest
    assert deepest == []
    for depth in (plain.DEEPEST + 1, 1_000_000):
        for text in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth, "[" * depth):
            with pytest.raises(ValueError):
                plain.parse(text)
