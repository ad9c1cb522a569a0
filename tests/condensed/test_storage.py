"""Frames in fewer bytes: how exact they are, what the files weigh, and what is refused."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from vidcondense import ClipStore, CondensedVideos
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import KeyFrameVideos, StaticDynamicVideos
from vidcondense.condensed.storage import decode, encode
from vidcondense.recipes import load as recipe
from vidcondense.run.loop import condense

Small = Literal["float16", "uint8"]


def two_videos(values: Tensor, storage: Small) -> KeyFrameVideos:
    return KeyFrameVideos(
        key_frames=values,
        positions=torch.tensor([0, 3, 1]),
        counts=torch.tensor([2, 1]),
        labels=torch.tensor([0, 1]),
        class_names=("a", "b"),
        frames=4,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        storage=storage,
    )


def noise(*shape: int) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_levels_by_hand() -> None:
    frame = torch.zeros(1, 3, 2, 2)
    frame[0, 0] = torch.tensor([[-1.0, 1.55], [0.0, 0.004]])
    made = encode({"x": frame}, ("x",), "uint8")
    assert made["x_offset"].tolist() == [-1.0]
    assert made["x_scale"].tolist() == pytest.approx([0.01])
    assert made["x"][0, 0].tolist() == [[0, 255], [100, 100]]  # the last is nearer to 0.00 than to 0.01


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.floats(1e-6, 1e4), st.floats(-1e3, 1e3))
def test_uint8_is_off_by_half_a_level_at_most(seed: int, spread: float, shift: float) -> None:
    values = shift + spread * torch.randn(2, 5, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    made = encode({"x": values, "y": values}, ("x",), "uint8")
    assert made["x"].dtype == torch.uint8
    assert made["x_scale"].shape == (2, 5)
    back, _ = decode(made, ("x",), "uint8")
    assert sorted(back) == ["x", "y"]
    assert torch.equal(back["y"], values)
    span = values.amax((-3, -2, -1)) - values.amin((-3, -2, -1))
    rounding = 1e-6 * values.abs().amax()
    assert bool(((back["x"] - values).abs().amax((-3, -2, -1)) <= span / 510 + rounding).all())


def test_a_frame_of_one_colour_is_kept() -> None:
    values = torch.full((1, 3, 2, 2), 0.7)
    back, _ = decode(encode({"x": values}, ("x",), "uint8"), ("x",), "uint8")
    assert torch.equal(back["x"], values)


@pytest.mark.parametrize(("storage", "share"), [("float16", 0.5), ("uint8", 0.25)])
def test_files_are_smaller_and_render_nearly_the_same(storage: Small, share: float, tmp_path: Path) -> None:
    condensed = two_videos(noise(3, 3, 64, 64), storage)
    plain = dataclasses.replace(condensed, storage="float32").save(tmp_path / "plain.safetensors")
    size = condensed.save(tmp_path / "small.safetensors")
    assert size == pytest.approx(share * plain, abs=1500)  # headers
    back = CondensedVideos.load(tmp_path / "small.safetensors")
    assert back.storage == storage
    assert back.stored_values == condensed.stored_values
    half = float(condensed.key_frames.max() - condensed.key_frames.min()) / 510
    assert torch.allclose(back.render(), condensed.render(), rtol=1e-3, atol=half)
    back.save(tmp_path / "again.safetensors")
    again = CondensedVideos.load(tmp_path / "again.safetensors")
    assert torch.allclose(again.render(), back.render(), atol=1e-5)


def test_memories_are_stored_small_too(memories: Callable[..., StaticDynamicVideos], tmp_path: Path) -> None:
    condensed = dataclasses.replace(memories([0, 1], ("a", "b"), 4, (16, 16)), storage="uint8")
    condensed.save(tmp_path / "small.safetensors")
    back = CondensedVideos.load(tmp_path / "small.safetensors")
    assert isinstance(back, StaticDynamicVideos)
    assert torch.equal(back.weight, condensed.weight)
    assert torch.allclose(back.dynamic, condensed.dynamic, atol=0.02)
    assert load_file(tmp_path / "small.safetensors")["dynamic_scale"].shape == (4, 4)


def test_a_run_gives_what_its_file_holds(tiny_store: ClipStore, tmp_path: Path) -> None:
    made = recipe.load("random", overrides={"storage": "uint8"})
    condensed = condense(tiny_store, made, tmp_path / "run", device="cpu", show=False)
    assert isinstance(condensed, KeyFrameVideos)
    exact = condense(tiny_store, recipe.load("random"), tmp_path / "exact", device="cpu", show=False)
    assert isinstance(exact, KeyFrameVideos)
    gap = (condensed.key_frames - exact.key_frames).abs().max()
    assert 0 < gap < 0.02
    # Real clips are 8-bit pixels: their levels in a file of a quarter of the bytes are off by one at most.
    assert int((condensed.pixels().int() - exact.pixels().int()).abs().max()) <= 1


def test_too_large_for_float16_is_one_line(tmp_path: Path) -> None:
    values = noise(3, 3, 8, 8)
    values[0, 0, 0, 0] = 1e5
    with pytest.raises(VidcondenseError, match="beyond the range of float16"):
        two_videos(values, "float16").save(tmp_path / "x.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", ["type", "shape", "flat", "missing", "not finite"])
def test_damaged_levels_are_refused(change: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    two_videos(noise(3, 3, 8, 8), "uint8").save(path)
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    if change == "type":
        tensors["key_frames"] = tensors["key_frames"].float()
    elif change == "shape":
        tensors["key_frames_scale"] = tensors["key_frames_scale"][:2]
    elif change == "flat":
        tensors["key_frames"], end = tensors["key_frames"][0, 0], ["_scale", "_offset"]
        tensors |= {f"key_frames{name}": torch.zeros(()) for name in end}
    elif change == "missing":
        del tensors["key_frames_offset"]
    else:
        tensors["key_frames_scale"][0] = torch.nan
    save_file(tensors, path, metadata=metadata)
    message = {
        "type": "'key_frames' is torch.float32, not torch.uint8",
        "shape": "a scale and an offset for each",
        "flat": "a scale and an offset for each",
        "missing": "missing a tensor",
        "not finite": "not finite",
    }
    with pytest.raises(VidcondenseError, match=message[change]):
        CondensedVideos.load(path)
