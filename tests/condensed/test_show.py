"""`show` prints what is in the file, the right bytes, and nothing that steers the terminal."""

import dataclasses
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import save_file

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos, KeyFrameVideos, StaticDynamicVideos, merge
from vidcondense.condensed.show import describe
from vidcondense.condensed.summary import Summary


def shown(condensed: CondensedVideos, path: Path) -> str:
    condensed.save(path)
    console = Console(file=io.StringIO(), width=110, force_terminal=False)
    summary = Summary.read(path)
    assert summary == Summary.of(condensed)
    console.print(describe(summary, path))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def make(counts: list[int], names: tuple[str, ...], frames: int = 8) -> KeyFrameVideos:
    positions = [t for count in counts for t in [*range(count - 1), frames - 1]]
    return KeyFrameVideos(
        key_frames=torch.zeros(sum(counts), 3, 16, 20),
        positions=torch.tensor(positions),
        counts=torch.tensor(counts),
        labels=torch.arange(len(counts)) % len(names),
        class_names=names,
        frames=frames,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        provenance={"recipe": {"name": "prism", "insertion": {"warm_up": 0.2}}, "seed": 7},
    )


def test_soft_labels_are_said_to_be_there(tmp_path: Path) -> None:
    made = make([2, 3], ("walk", "run"))
    assert "one class per video" in shown(made, tmp_path / "a")
    soft = replace(made, soft_labels=torch.tensor([[9, 1], [1, 9]], dtype=torch.uint8))
    text = shown(soft, tmp_path / "b")
    assert "soft: 2 probabilities per video" in text and "key frames and soft labels" in text


def test_bytes_frames_and_provenance(tmp_path: Path) -> None:
    path = tmp_path / "condensed.safetensors"
    text = shown(make([2, 3, 2, 8], ("walk", "run")), path)
    stored = 15 * 3 * 16 * 20 * 4
    assert f"{stored:,} bytes" in text and "0.055 MiB as the papers" in text
    assert f"{path.stat().st_size:,} bytes" in text
    assert "0.12 MiB if all 8 frames" in text and "46.9% of that, 2.13 times" in text
    assert "4 in 2 classes, 2 per class" in text and "8 frames of 20 x 16 pixels" in text
    assert "15 stored; per video 3.75 on average, 2 to 8" in text
    assert "0 1 7" in text and "every frame" in text
    assert "insertion.warm_up" in text and "prism" in text and "7" in text


def test_what_a_set_was_cut_or_merged_from_is_named(tmp_path: Path) -> None:
    path, one = tmp_path / "condensed.safetensors", make([2, 3, 2, 8], ("walk", "run"))
    other = replace(one, provenance={"recipe": {"name": "random", "seed": 8}})
    assert "from" not in shown(one, path).split("Storage")[0]
    text = shown(one.select(["run"]), path)
    assert re.search(r"selected from +4 videos of 2 classes +\n", text)
    assert re.search(r"recipe +prism +\n", text)
    assert re.search(r"seed +7 +\n", text)
    text = shown(merge([one, other]), path)
    assert re.search(r"merged from +4 videos of 2 classes; 4 videos of 2 classes", text)
    assert re.search(r"recipe +prism, random", text)
    assert re.search(r"seed +7, 8", text)
    assert "merged_from" not in text  # pages of it: in the file alone


def test_what_makes_the_frames_between_is_named_where_it_is_unusual(tmp_path: Path) -> None:
    path, usual = tmp_path / "condensed.safetensors", make([3, 3], ("walk", "run"))
    assert "interpolation" not in shown(usual, path)
    unusual = dataclasses.replace(usual, interpolation="smooth", segments=(0, 4))
    assert re.search(r"interpolation +smooth, in 2 segments from 0 4", shown(unusual, path))


def test_memories_are_counted_as_videos(tmp_path: Path, memories: Callable[..., StaticDynamicVideos]) -> None:
    path = tmp_path / "condensed.safetensors"
    made = memories([0, 1], ("walk", "run"), 8, (16, 20))
    text = shown(made, path)
    stored = 4 * (3 + 8) * 320 * 4 + 327 * 4
    assert "2 in 2 classes, 1 per class" in text
    assert "4 static and 4 dynamic memories and a hallucinator of 327 values" in text
    assert f"{stored:,} bytes" in text and "0.059 MiB if all 8 frames" in text
    assert "key frames" not in text.lower()


def test_learned_labels_are_named_and_counted(tmp_path: Path) -> None:
    made = make([2, 3], ("walk", "run"))
    assert "one class per video" in shown(made, tmp_path / "condensed.safetensors")
    text = shown(replace(made, targets=torch.ones(2, 2)), tmp_path / "condensed.safetensors")
    assert "learned: 2 values per video" in text
    assert "key frames and learned labels" in text and f"{(5 * 3 * 16 * 20 + 4) * 4:,} bytes" in text


def test_what_is_wrong_with_a_file_is_said_as_by_load(tmp_path: Path) -> None:
    path, made = tmp_path / "condensed.safetensors", make([2, 3], ("walk", "run"))
    for name, value, words in (
        ("positions", torch.tensor([0, 7, 0, 7, 7]), "key positions must ascend"),
        ("counts", torch.tensor([2, 2]), "do not match the number of key frames"),
        ("labels", torch.tensor([0, 2]), "labels must lie in 0..1"),
        ("labels", torch.tensor([0.0, 1.0]), "'labels' is torch.float32"),
        ("key_frames", torch.full_like(made.tensors()["key_frames"], torch.nan), "not finite"),
        ("targets", torch.ones(2, 3), "targets must be (2, 2)"),
    ):
        made.save(path)
        with safe_open(path, framework="pt") as file:
            metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in made.tensors()}
        save_file({**tensors, "labels": made.labels, name: value}, path, metadata)
        with pytest.raises(VidcondenseError, match=re.escape(words)):
            Summary.read(path)
    for changed, words in (
        ({"std": [0.0, 0.2, 0.2]}, "std in (0, 1]"),
        ({"class_names": ["walk", "walk"]}, "two classes have one name"),
        ({"segments": [0, 99]}, "segments must ascend"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0"),
        ({"frames": 0}, "frames"),
    ):
        made.save(path)
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            tensors = {key: file.get_tensor(key) for key in names}
            header = json.loads(file.metadata()["vidcondense"])
        save_file(tensors, path, {"vidcondense": json.dumps({**header, **changed})})
        with pytest.raises(VidcondenseError, match=re.escape(words)):
            Summary.read(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(VidcondenseError, match="cut short or not ours"):
        Summary.read(path)


@pytest.mark.parametrize("storage", ["float32", "float16", "uint8"])
def test_a_sound_file_is_not_loaded_for_it(
    storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "condensed.safetensors"
    made = replace(make([2, 3], ("walk", "run")), storage=storage, targets=torch.ones(2, 2))
    made.save(path)
    monkeypatch.delattr(CondensedVideos, "load")
    assert Summary.read(path) == Summary.of(made)


def test_class_names_are_plain_text(tmp_path: Path) -> None:
    text = shown(make([2, 2], ("[bold]x[/bold]", "a\x1b[31mred")), tmp_path / "condensed.safetensors")
    assert "[bold]x[/bold]" in text
    assert "\x1b" not in text and "a\N{REPLACEMENT CHARACTER}[31mred" in text


def test_long_sets_are_cut(tmp_path: Path) -> None:
    names = tuple(f"class {i}" for i in range(70))
    text = shown(make([2] * 70, names), tmp_path / "condensed.safetensors")
    assert "class 59" in text and "class 60" not in text and "and 10 more videos" in text
