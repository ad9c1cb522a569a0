"""Differences in words, and commands that can be pasted."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.repeats import beside, command, given, refuse_difference, say_next


@pytest.mark.parametrize(
    ("held", "wanted", "line"),
    [
        ({"a": 1}, {"a": 2}, "RUN was made with a 1, not 2; mend"),
        ({"t": {"a": 1, "b": 2}}, {"t": {"a": 1, "b": 3}}, "RUN was made with t.b 2, not 3; mend"),
        ({"a": 1, "b": 1}, {"b": 2, "a": 2}, "RUN was made with b 1, not 2; mend"),  # as it is asked for
        ({}, {"a": 2}, "RUN was made with a none, not 2; mend"),
        ({"a": 2}, {"a": None}, "RUN was made with a 2, not none; mend"),
        ({"a": 2}, {}, "RUN was made with a 2, not none; mend"),
        ({"test_set": "0" * 64}, {"test_set": "1" * 64}, "RUN was made from another test set; mend"),
        ({"b": {"fingerprint": "0" * 64}}, {"b": {"fingerprint": ""}}, "RUN was made from another b; mend"),
    ],
)
def test_the_first_difference_is_named(held: dict[str, Any], wanted: dict[str, Any], line: str) -> None:
    with pytest.raises(VidcondenseError) as caught:
        refuse_difference("RUN", held, wanted, "mend")
    assert str(caught.value) == line


def test_json_makes_no_difference() -> None:
    refuse_difference("RUN", {"a": [1, 2], "b": {"c": None}}, {"b": {"c": None}, "a": (1, 2), "d": None})


def test_what_comes_next_can_be_pasted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("evaluate", Path("my videos/it's"), "--networks", 3)
    say_next(*words)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("next: ") and said.err.count("\n") == 1
    assert shlex.split(said.err.removeprefix("next: ")) == ["vidcondense", *map(str, words)]
    assert command("show", "run") == "vidcondense show run"
    monkeypatch.setattr("sys.argv", ["/bin/vidcondense", "prepare", "a b", "--dry-run", "--size", "32"])
    assert given("--dry-run") == ["prepare", "a b", "--size", "32"]


def test_a_path_beside_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert beside(Path("stores/a"), "runs") == Path("stores/runs")
    assert beside(Path("a"), "runs") == Path("runs")
    assert beside(Path(), "runs") == tmp_path.parent / "runs"
