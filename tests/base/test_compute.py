"""Device, precision, seeds and normalisation."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vidcondense.base import bfloat16, compute
from vidcondense.base.compute import Compute, choose, derive_seed, generator, normalise
from vidcondense.base.errors import VidcondenseError

EXACT = Compute(torch.device("cpu"), torch.float32)
HALF = Compute(torch.device("cpu"), torch.bfloat16)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize(("frames", "size"), [(4, 32), (8, 64), (16, 112), (64, 512)])
def test_a_chunk_keeps_the_widest_activation_within_its_bound(frames: int, size: int) -> None:
    for chosen in (EXACT, HALF):
        elements = 64 * frames * (size // 2) ** 2
        chunk = chosen.chunk(elements)
        assert chunk >= 1
        assert chunk == 1 or chunk * elements <= 8 * 2**20 < (chunk + 1) * elements


def test_activations_may_take_as_much_as_the_weights_that_each_pass_reads() -> None:
    # Most clips that fit into 8 Mi elements, or into the weights where those are more.
    assert EXACT.chunk(2**20) == EXACT.chunk(2**20, 4 * 2**20) == 8
    assert EXACT.chunk(2**20, 9 * 2**20) == HALF.chunk(2**20, 9 * 2**20) == 9
    # A miniC3D always stays below that bound.
    assert EXACT.chunk(100, 3_692_816) == EXACT.chunk(100)


def test_memory_is_that_of_the_host_or_less_in_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(compute, "_CONTAINER_LIMITS", (str(tmp_path / "none"), str(limit)))
    assert EXACT.memory() == whole
    for text, expected in (("max", whole), ("12345\n", 12345), (str(2**62), whole)):
        limit.write_text(text)
        assert EXACT.memory() == expected


def test_the_device_and_precision_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("cpu", "float32") == EXACT
    assert choose("cpu", "bfloat16") == HALF
    assert EXACT.precision == "float32"
    assert HALF.precision == "bfloat16"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose("auto", "float32") == EXACT


@pytest.mark.parametrize(("gain", "expected"), [(3.9, HALF), (1.4, EXACT), (0.01, EXACT)])
def test_auto_takes_bfloat16_only_where_it_is_fast(
    gain: float, expected: Compute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bfloat16, "gain", lambda: gain)
    assert choose("cpu") == expected


def test_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name, message in (("tpu", "not known"), ("meta", "not supported"), ("cuda", "no GPU here")):
        with pytest.raises(VidcondenseError, match=f"{name!r}.*{message}"):
            choose(name)


def test_hardware_says_how_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for count, words in ((1, "1 thread on "), (3, "3 threads on ")):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
        assert words in EXACT.hardware()


@settings(deadline=None)
@given(st.integers(0, 2**31), st.text(max_size=5), st.integers(0, 9))
def test_seeds_are_of_63_bits_and_differ_by_stream(seed: int, stream: str, number: int) -> None:
    made = derive_seed(seed, stream, number)
    assert 0 <= made < 2**63
    assert made == derive_seed(seed, stream, number)
    others = (
        derive_seed(seed + 1, stream, number),
        derive_seed(seed, stream + "x", number),
        derive_seed(seed, stream, number + 1),
        derive_seed(seed, stream, str(number)),
        derive_seed(seed, f"{stream}{number}"),
    )
    assert made not in others


def test_seeds_never_change() -> None:
    # A change here makes every result of the past irreproducible.
    assert derive_seed(0, "noise") == 3016148274326734436
    first, second = (torch.rand(3, generator=generator(1, "network", 2)) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("chosen", [EXACT, HALF])
def test_normalise_against_the_plain_formula(chosen: Compute) -> None:
    pixels = torch.randint(0, 256, (2, 3, 4, 5, 3), dtype=torch.uint8).permute(0, 1, 4, 2, 3)
    made = normalise(pixels, MEAN, STD, chosen)
    expected = torch.stack([(pixels[:, :, c].double() / 255 - MEAN[c]) / STD[c] for c in range(3)], dim=2)
    assert made.dtype == chosen.dtype
    assert made.stride() == pixels.stride(), "the memory order must stay channels-last"
    tolerance = 1e-5 if chosen is EXACT else 0.01
    torch.testing.assert_close(made.double(), expected, rtol=tolerance, atol=tolerance)
    assert torch.equal(normalise(pixels[:, 0], MEAN, STD, chosen), made[:, 0])


def test_the_larger_the_memory_of_a_gpu_the_more_clips_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Compute(torch.device("cuda"), torch.bfloat16)
    found = []
    for gibibytes in (16, 64):
        monkeypatch.setattr(Compute, "memory", lambda self, size=gibibytes: size * 2**30)
        found.append(gpu.chunk(2**20))
    assert found == [256, 1024]
