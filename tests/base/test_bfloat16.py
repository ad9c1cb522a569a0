"""Whether bfloat16 is fast is measured once per machine, and said where it was asked for and is not."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from vidcondense.base import bfloat16
from vidcondense.base.compute import choose


@pytest.fixture(autouse=True)
def afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is known, and the cache is an empty folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept = (bfloat16.gain, bfloat16.warn_if_slow)
    for cached in kept:
        cached.cache_clear()
    yield
    for cached in kept:
        cached.cache_clear()


def test_what_is_measured_is_what_the_processor_does() -> None:
    flags = torch.cpu.get_capabilities()
    hardware = any(flags.get(name) is True for name in ("avx512_bf16", "amx_bf16"))
    gain = bfloat16.measured()
    if os.environ.get("ONEDNN_MAX_CPU_ISA") or hardware or flags.get("architecture") != "x86_64":
        assert gain > 0  # how much is not known: a processor may have the instructions and be slow
    else:
        assert gain < bfloat16.SLOW


def test_slow_products_are_found_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = torch.mm, []

    def slow(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        made.append(a.dtype)
        if a.dtype == torch.bfloat16:
            time.sleep(0.2)
        return real(a, b)

    monkeypatch.setattr(torch, "mm", slow)
    assert bfloat16.measured() < bfloat16.SLOW
    assert made.count(torch.bfloat16) < bfloat16.TRIES


def test_it_is_measured_once_per_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    monkeypatch.setattr(bfloat16, "measured", lambda: measured.append(1) or 2.5)  # type: ignore[func-returns-value]
    assert bfloat16.gain() == 2.5
    bfloat16.gain.cache_clear()  # as another process
    assert bfloat16.gain() == 2.5
    assert len(measured) == 1
    bfloat16.gain.cache_clear()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")  # another processor, in effect
    assert bfloat16.gain() == 2.5
    assert len(measured) == 2
    assert len(json.loads((tmp_path / "cache" / "vidcondense" / "bfloat16.json").read_text())) == 2


@pytest.mark.parametrize("content", ["", "[]", '{"a": "b"', "\x00"])
def test_a_damaged_cache_is_measured_over(content: str, tmp_path: Path) -> None:
    file = tmp_path / "cache" / "vidcondense" / "bfloat16.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    assert bfloat16.gain() > 0
    assert json.loads(file.read_text())


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert bfloat16.gain() > 0


def test_slow_bfloat16_is_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bfloat16, "gain", lambda: 0.01)
    for _ in range(2):
        assert choose("cpu", "bfloat16").dtype == torch.bfloat16
    (line,) = capsys.readouterr().err.splitlines()
    assert "100 times as long" in line
    assert "--precision float32" in line
    choose("cpu", "float32")
    assert not capsys.readouterr().err
