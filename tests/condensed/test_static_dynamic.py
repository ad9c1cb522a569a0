"""The artifact of memories: its clips, its file, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos, StaticDynamicVideos
from vidcondense.condensed import static_dynamic as module
from vidcondense.condensed.hallucinator import hallucinate, initial


def make(videos: int = 3) -> StaticDynamicVideos:
    rng = torch.Generator().manual_seed(0)
    weight, bias = initial(rng)
    return StaticDynamicVideos(
        static=torch.randn(2 * videos, 3, 4, 6, generator=rng),
        dynamic=torch.randn(2 * videos, 5, 1, 4, 6, generator=rng),
        weight=weight,
        bias=bias,
        labels=torch.arange(videos).repeat_interleave(4) // 2,
        class_names=("a", "b"),
        frames=5,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        provenance={"seed": 3},
    )


def test_the_clips_of_a_video_are_all_its_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make()
    clips = made.render()
    assert clips.shape == (12, 5, 3, 4, 6)
    for number, (video, a, b) in enumerate((v, a, b) for v in range(3) for a in range(2) for b in range(2)):
        image, motion = made.static[2 * video + a, None], made.dynamic[2 * video + b, None]
        torch.testing.assert_close(clips[number], hallucinate(image, motion, made.weight, made.bias)[0])
    assert len({clip.numpy().tobytes() for clip in clips}) == 12
    torch.testing.assert_close(made.render([7, 2]), clips[[7, 2]])
    torch.testing.assert_close(made[-1][0], clips[11])
    assert made[5][1] == 0
    monkeypatch.setattr(module, "CHUNK", 5)
    torch.testing.assert_close(made.render(), clips)


def test_videos_are_counted_not_clips() -> None:
    made = make()
    assert (len(made), made.videos, made.vpc) == (12, 3, 2)
    assert made.stored_values == 6 * 3 * 24 + 6 * 5 * 24 + 327
    assert made.key_positions() == [list(range(5))] * 12
    assert "6 static and 6 dynamic memories and a hallucinator of 327 values" in made.holds


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    path, again = tmp_path / "condensed.safetensors", tmp_path / "again.safetensors"
    made = make()
    made.save(path)
    loaded = CondensedVideos.load(path)
    assert isinstance(loaded, StaticDynamicVideos)
    assert torch.equal(loaded.render(), made.render())
    assert torch.equal(loaded.labels, made.labels)
    assert (loaded.frames, loaded.size, loaded.provenance) == (5, (4, 6), {"seed": 3})
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()
    with safe_open(path, framework="pt") as file:  # files of other versions must go by the same name
        assert json.loads(file.metadata()["vidcondense"])["representation"] == "static_dynamic"


@pytest.mark.parametrize(
    ("tensor", "value", "message"),
    [
        ("static", torch.zeros(6, 3, 4, 6, dtype=torch.float16), "'static' is torch.float16"),
        ("static", torch.zeros(5, 3, 4, 6), r"static must be \(6, 3, height, width\)"),
        ("static", torch.zeros(6, 3, 0, 6), "static must be"),
        ("static", torch.full((6, 3, 4, 6), torch.nan), "static holds values that are not finite"),
        ("dynamic", torch.zeros(6, 4, 1, 4, 6), r"dynamic must be \(6, 5, 1, 4, 6\)"),
        ("dynamic", torch.zeros(6, 5, 4, 6), "dynamic must be"),
        ("dynamic", torch.full((6, 5, 1, 4, 6), torch.inf), "dynamic holds values that are not finite"),
        ("hallucinator_weight", torch.zeros(3, 4, 3, 3), "hallucinator's weight and bias must be"),
        ("hallucinator_bias", torch.zeros(4), "hallucinator's weight and bias must be"),
        ("hallucinator_bias", torch.tensor([0, 0, torch.nan]), "hallucinator_bias holds values"),
        ("labels", torch.zeros(10, dtype=torch.int64), "labels must hold 4 numbers per video"),
        ("labels", torch.tensor([0] * 7 + [1] * 5), "clips of a video must have one label"),
        ("labels", torch.zeros(8, dtype=torch.int64), r"static must be \(4, 3"),
    ],
)
def test_files_with_wrong_tensors_are_refused(
    tensor: str, value: torch.Tensor, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "condensed.safetensors"
    make().save(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    save_file({**load_file(path), tensor: value}, path, metadata=metadata)
    with pytest.raises(VidcondenseError, match=f"{path}: .*{message}"):
        CondensedVideos.load(path)


def test_a_missing_tensor_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "condensed.safetensors"
    make().save(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["vidcondense"])["memory_bytes"] == make().stored_values * 4
    tensors = load_file(path)
    del tensors["dynamic"]
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(VidcondenseError, match=f"{path} has a damaged header or is missing a tensor"):
        CondensedVideos.load(path)


def test_a_set_without_videos_is_refused() -> None:
    with pytest.raises(VidcondenseError, match="labels must hold"):
        replace(make(), labels=torch.zeros(0, dtype=torch.int64))
