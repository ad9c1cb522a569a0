"""Progress away from a terminal: a line now and then, on standard error."""

import pytest

from vidcondense.base import progress
from vidcondense.base.progress import Progress


def test_lines_tell_where_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress(20, 10) as shown:
        shown.say("a line")
        for _ in range(4):
            now[0] += 20.0
            shown.advance(loss=0.123456, key_frames=8)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "a line",
        "12/20  loss 0.1235  key frames 8  2.7 min left",  # 8 steps of 20 s each
        "14/20  loss 0.1235  key frames 8  2.0 min left",
    ]


def test_it_is_quiet_when_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", -1.0)
    with Progress(2, enabled=False) as shown:
        shown.say("a line")
        shown.advance(loss=1.0)
    assert capsys.readouterr() == ("", "")
