"""JSON is read or refused with the name of what is wrong in it."""

from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.typed import DEEPEST, Count, Share, Whole, parse, typed


class Inner(TypedDict):
    path: str
    sizes: list[Whole]


class Outer(TypedDict):
    inner: Inner
    kind: Literal["a", "b"]
    values: list[float | None]
    by_name: NotRequired[dict[str, float]]
    share: NotRequired[Share | None]
    counts: NotRequired[list[Count]]
    anything: NotRequired[Any]


@dataclass(frozen=True)
class Pair:
    name: str
    sizes: tuple[Count, ...] = ()


GOOD: dict[str, Any] = {
    "inner": {"path": "p", "sizes": [1, -(2**63)], "more": 7},
    "kind": "b",
    "values": [1, 2.5, None],
    "by_name": {"x": 0},
}


def test_what_fits_passes_and_other_keys_are_left_out() -> None:
    known = {**GOOD, "inner": {"path": "p", "sizes": [1, -(2**63)]}}
    assert typed({**GOOD, "anything": [{}], "unknown": 1}, Outer) == {**known, "anything": [{}]}
    for share in (0, 0.5, 1.0, None):
        typed({**GOOD, "share": share, "counts": [0, 2**63 - 1]}, Outer)
    assert typed({"name": "x", "sizes": [1], "more": 0}, Pair) == Pair("x", (1,))
    name = parse('"a\\udcffb"')  # of a file, which is no text
    assert typed([name, {name: name}], list[Any]) == ["a\udcffb", {"a\udcffb": "a\udcffb"}]
    assert typed({name: name}, dict[str, str]) == {"a\udcffb": "a\udcffb"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"inner": {"path": "p"}}, r"`sizes` - at `\$\.inner`"),
        ({"inner": None}, r"`\$\.inner`"),
        ({"inner": {"path": 1, "sizes": []}}, r"`str`, got `int` - at `\$\.inner\.path`"),
        ({"inner": {"path": "", "sizes": [0, True]}}, r"got `bool` - at `\$\.inner\.sizes\[1\]`"),
        ({"inner": {"path": "", "sizes": [2**63]}}, r"`\$\.inner\.sizes\[0\]`"),
        ({"inner": {"path": "", "sizes": [-(2**63) - 1]}}, r"`\$\.inner\.sizes\[0\]`"),
        ({"inner": {"path": "", "sizes": "12"}}, r"`\$\.inner\.sizes`"),
        ({"kind": "c"}, r"'c' - at `\$\.kind`"),
        ({"kind": ["a"]}, r"`\$\.kind`"),
        ({"values": [10**400]}, r"`\$\.values\[0\]`"),
        ({"by_name": {"x": False}}, r"got `bool` - at `\$\.by_name"),
        ({"by_name": [1.0]}, r"`\$\.by_name`"),
        ({"share": -1e-9}, r"`\$\.share`"),
        ({"share": 1.01}, r"`\$\.share`"),
        ({"counts": [3, -1]}, r"`\$\.counts\[1\]`"),
        ({"counts": [0.5]}, r"`\$\.counts\[0\]`"),
        ({"counts": [2**63]}, r"`\$\.counts\[0\]`"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(VidcondenseError, match=field) as caught:
        typed({**GOOD, **change}, Outer)
    assert len(str(caught.value)) < 200
    with pytest.raises(VidcondenseError, match="Expected `object`, got `array`"):
        typed([GOOD], Outer)
    with pytest.raises(VidcondenseError, match="surrogates not allowed"):
        typed({**GOOD, "kind": "\udcff"}, Outer)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_what_is_not_finite_is_named(text: str) -> None:
    with pytest.raises(VidcondenseError, match=r"got `str` - at `\$\[1\]`"):
        typed(parse(f"[1e308, {text}]"), list[float])


@pytest.mark.parametrize("text", ["9" * 5000, "", "[1", "{]"])
def test_what_is_no_json_or_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_nesting_has_an_end() -> None:
    assert parse('{"a": [[1]]}') == {"a": [[1]]}
    deepest = parse("[" * DEEPEST + "]" * DEEPEST)
    for _ in range(DEEPEST - 1):
        (deepest,) = deepest
    assert deepest == []
    for depth in (DEEPEST + 1, 1_000_000):
        for text in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth, "[" * depth):
            with pytest.raises(ValueError):
                parse(text)
