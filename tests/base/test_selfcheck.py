"""bfloat16 is used on a GPU only where its convolutions are right; a processor stands in for the GPU."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from vidcondense.base import compute, selfcheck
from vidcondense.base.compute import Compute, choose
from vidcondense.base.errors import VidcondenseError

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def unchecked() -> Iterator[None]:
    """No device has been checked yet."""
    for cached in (selfcheck._fault, selfcheck._say):
        cached.cache_clear()
    yield
    selfcheck._fault.cache_clear()


def distort(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Make convolutions in bfloat16 wrong, and only these."""
    plain = selfcheck.F.conv3d

    def wrong(x: Tensor, *words: Any, **more: Any) -> Tensor:
        made = plain(x, *words, **more)
        return change(made) if x.dtype == torch.bfloat16 else made

    monkeypatch.setattr(selfcheck.F, "conv3d", wrong)


def one_value_off(made: Tensor) -> Tensor:
    off = torch.zeros_like(made)
    off[-1, -1, -1, -1, -1] = made.std().detach()
    return made + off


def test_a_processor_passes_within_rounding() -> None:
    assert 0.001 < selfcheck.convolution_error(CPU) < selfcheck.TOLERANCE / 3


@pytest.mark.parametrize(
    "change",
    [lambda made: 1.2 * made, one_value_off, lambda made: made * float("nan"), lambda made: made.flip(2)],
)
def test_wrong_convolutions_are_found(change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    distort(monkeypatch, change)
    assert selfcheck.convolution_error(CPU) > selfcheck.TOLERANCE


def test_wrong_gradients_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    distort(monkeypatch, lambda made: made.detach() + 2 * (made - made.detach()))
    assert selfcheck.convolution_error(CPU) > selfcheck.TOLERANCE


@pytest.fixture
def a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU is there and has bfloat16; what it would compute is computed here."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 92000)
    monkeypatch.setattr(compute, "_has_fast_bfloat16", lambda device: True)
    real = selfcheck.convolution_error
    monkeypatch.setattr(selfcheck, "convolution_error", lambda device: real(CPU))


@pytest.mark.usefixtures("a_gpu")
def test_a_right_gpu_gets_bfloat16() -> None:
    assert choose() == choose("cuda", "bfloat16") == Compute(GPU, torch.bfloat16)


@pytest.mark.usefixtures("a_gpu")
def test_a_wrong_gpu_gets_float32_with_one_line_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    distort(monkeypatch, lambda made: 1.2 * made)
    assert choose() == choose("cuda") == Compute(GPU, torch.float32)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cuda gets 3D convolutions in bfloat16 wrong")
    assert line.endswith("float32 is used")


@pytest.mark.usefixtures("a_gpu")
def test_a_wrong_gpu_refuses_bfloat16_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    distort(monkeypatch, lambda made: 1.2 * made)
    with pytest.raises(VidcondenseError, match=r"^cuda gets .* wrong .*; use --precision float32") as refused:
        choose("cuda", "bfloat16")
    assert "\n" not in str(refused.value)
    assert choose("cuda", "float32") == Compute(GPU, torch.float32)
    assert not capsys.readouterr().err, "an error and a line would say it twice"


@pytest.mark.usefixtures("a_gpu")
def test_each_device_is_checked_once_and_float32_never(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    monkeypatch.setattr(
        selfcheck, "convolution_error", lambda device: 0.0 if checked.append(str(device)) is None else 1.0
    )
    for name in ("cuda", "cuda", "cuda:1", "cpu"):
        choose(name, "float32")
        assert choose(name, "bfloat16").dtype == torch.bfloat16
    assert checked == ["cuda", "cuda:1"]
