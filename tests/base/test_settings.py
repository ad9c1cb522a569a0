"""Settings: every value is converted and checked however they are made, and the message names the mend."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import (
    Cosine,
    Count,
    Decay,
    NotNegative,
    Positive,
    Settings,
    Share,
    StepSize,
    check_whole,
    convert,
    hints,
)


@dataclass(frozen=True, kw_only=True)
class Sample(Settings):
    """A field of every type."""

    family: ClassVar[str] = "sample"
    count: Count = 0
    positive: Positive = 1
    share: Share = 0.5
    decay: Decay = 0.9
    cosine: Cosine = 0.0
    factor: NotNegative = 1.0
    rate: StepSize = 0.1
    free: float = 0.0
    kind: Literal["plain", "other"] = "plain"
    name: str = ""
    twice: int = 0

    def check(self) -> None:
        """One that goes with another."""
        self.refuse(self.twice > self.count, f"sample.twice = {self.twice} is beyond sample.count")


@dataclass(frozen=True, kw_only=True)
class Holder(Settings):
    """Settings that hold others, as a recipe does."""

    part: Sample = Sample()
    other: Sample | None = None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("count", value) for value in (0, 2**63 - 1)),
        *(("positive", value) for value in (1, 2**63 - 1)),
        *(("share", value) for value in (0, 1, 0.25)),
        *(("decay", value) for value in (0, 0.999999)),
        *(("cosine", value) for value in (-1, 1)),
        *(("factor", value) for value in (0, 3e38)),
        *(("rate", value) for value in (1.2e-38, 3e38)),
        *(("name", value) for value in ("", "line\nbreak")),
        ("kind", "other"),
    ],
)
def test_values_up_to_the_ends_of_a_range_are_taken(field: str, value: Any) -> None:
    made = Sample(**{field: value})
    assert getattr(made, field) == value
    assert made.to_dict() == {**Sample().to_dict(), field: value}


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("count", -1, "a whole number >= 0"),
        ("count", 2**63, "a whole number <= 9223372036854775807"),
        ("positive", 0, "a whole number >= 1"),
        ("share", -1e-9, "a number >= 0.0"),
        ("share", 1.01, "a number <= 1.0"),
        ("decay", 1.0, "a number < 1.0"),
        ("cosine", 1.5, "a number <= 1.0"),
        ("cosine", -1.5, "a number >= -1.0"),
        ("factor", -0.5, "a number >= 0.0"),
        ("factor", 1e39, "a number <= 3e+38"),
        ("rate", 0.0, "a number >= 1.2e-38"),
        ("rate", 10**400, "a number in range"),
        ("count", 1.5, "a whole number"),
        ("count", "3", "a whole number"),
        ("count", None, "a whole number"),
        ("rate", "much", "a number"),
        ("name", 3, "a text"),
        ("kind", "neither", "one of plain, other"),
        ("kind", ["plain"], "one of plain, other"),
        ("kind", None, "one of plain, other"),
        # True and False are no numbers.
        ("count", True, "a whole number"),
        ("rate", False, "a number"),
        # Neither are these, where a range has no end too.
        *(
            (field, value, "a ")
            for field in ("share", "decay", "cosine", "factor", "rate", "free")
            for value in (float("nan"), float("inf"), float("-inf"))
        ),
    ],
)
def test_other_values_are_refused_in_one_line(field: str, value: Any, wanted: str) -> None:
    with pytest.raises(VidcondenseError) as caught:
        Sample(**{field: value})
    message = str(caught.value)
    assert message.startswith(f"sample.{field} must be {wanted}")
    assert f", not {repr(value)[:60]}" in message
    assert "\n" not in message and len(message) < 200


def test_whole_numbers_are_floats_too() -> None:
    made = Sample(rate=1, share=1)
    assert [type(value) for value in (made.rate, made.share, made.count)] == [float, float, int]


def test_a_zero_byte_is_refused() -> None:
    with pytest.raises(VidcondenseError, match=r"sample\.name holds a zero byte: 'a\\x00b'"):
        Sample(name="a\0b")


def test_settings_are_frozen_and_replacing_checks_again() -> None:
    made = Sample(count=3, twice=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.count = 4  # type: ignore[misc]
    assert made.replace(count=2) == Sample(count=2, twice=2)
    assert made.count == 3
    with pytest.raises(VidcondenseError, match=r"sample\.count must be a whole number >= 0, not -1"):
        made.replace(count=-1)
    with pytest.raises(VidcondenseError, match=r"sample\.twice = 2 is beyond"):
        made.replace(count=1)


def test_a_part_must_be_of_its_own_family() -> None:
    assert Holder(other=None).other is None
    assert Holder(other=Sample(count=2)).replace(part=Sample(count=1)).part.count == 1
    for values in ({"part": None}, {"part": Holder()}, {"other": 3}, {"other": {"count": 1}}):
        with pytest.raises(VidcondenseError, match="must be settings of its own family, not"):
            Holder(**values)  # type: ignore[arg-type]


def test_hints_are_those_of_all_fields_and_of_nothing_else() -> None:
    assert hints(Sample)["rate"] == StepSize
    assert list(hints(Sample)) == [field.name for field in dataclasses.fields(Sample)]
    assert "family" not in hints(Sample)


def test_values_that_lie_in_no_settings() -> None:
    assert convert([1, 2], list[int], "sizes") == [1, 2]
    with pytest.raises(VidcondenseError, match="sizes must be "):
        convert("12", list[int], "sizes")
    check_whole("workers", 4, 1, 4)
    with pytest.raises(VidcondenseError, match="workers must be a whole number <= 4, not 5"):
        check_whole("workers", 5, 1, 4)
    with pytest.raises(VidcondenseError, match="workers must be a whole number, not True"):
        check_whole("workers", True, 1, 4)
