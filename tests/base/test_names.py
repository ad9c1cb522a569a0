"""Classes of two sides are told apart, and names that are alike are pointed out."""

import pytest

from vidcondense.base.names import alike, difference, folded, listed, nearest

NFC, NFD = "caf\u00e9", "cafe\u0301"


def test_names_that_differ_in_case_or_form_fold_to_one() -> None:
    assert folded(NFC) == folded(NFD) == folded("CAFE\u0301")
    assert folded("Straße") == folded("STRASSE")
    assert folded("run") != folded("runs")


@pytest.mark.parametrize(
    ("name", "names", "meant"),
    [
        ("RUN", ["sun", "run"], "run"),
        (NFD, ["cafe", NFC], NFC),
        ("walkin", ["jump", "walking", "talk"], "walking"),
        ("xyz", ["jump", "run"], "jump"),
    ],
)
def test_the_nearest_name_is_the_one_that_was_meant(name: str, names: list[str], meant: str) -> None:
    assert nearest(name, names) == meant


def test_pairs_are_those_that_leave_no_choice() -> None:
    assert alike(["Run", "walk", NFC], [NFD, "run", "walk"]) == {"Run": "run", NFC: NFD}
    assert alike(["Run", "run"], ["run", "x"]) == {}
    assert alike(["run"], ["Run", "RUN"]) == {}


def test_few_names_are_listed_and_the_others_counted() -> None:
    assert listed(["a", "b", "c"]) == "'a', 'b', 'c'"
    assert listed([f"{number}" for number in range(1237)]) == "'0', '1', '2' and 1,234 more"


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ("ab", "ab", ""),
        ("abc", "ab", "the classes of us (3) and them (2) differ: only us has 'c'"),
        ("ab", "abcdef", "only them has 'c', 'd', 'e' and 1 more"),
        ("ab", "cd", "only us has 'a', 'b'; only them has 'c', 'd'"),
        ("ab", "AB", "differ: 'a' and 'A', 'b' and 'B' differ in case alone"),
        ([NFC, "x"], [NFD, "x"], r"'caf\xe9' and 'cafe\u0301' differ in Unicode form alone"),
        (["x", "Y", NFC], [NFD, "X", "z"], r"only us has 'Y'; only them has 'z'; 'x' and 'X' differ in case"),
        ("abc", "acb", "same 3 classes in another order: class 1 is 'b' in us, 'c' in them"),
        ("aab", "ab", "the classes of us (3) and them (2) differ: "),
    ],
)
def test_what_differs_is_named(ours: str, theirs: str, said: str) -> None:
    found = difference(list(ours), list(theirs), "us", "them")
    assert said in found
    assert bool(said) == bool(found)
