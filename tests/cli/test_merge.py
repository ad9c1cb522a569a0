"""The command `merge`: what it writes, what it says, and what it refuses to write over."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from vidcondense import ClipStore, CondensedVideos, cli
from vidcondense.condensed import KeyFrameVideos
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.evaluation.protocols import PROTOCOLS, Strong

Said = Callable[..., list[str]]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """Run the command and give the lines that it prints, or its one line on standard error.

    `strong` trains for a few steps only.
    """
    monkeypatch.setitem(PROTOCOLS, "strong", lambda: Strong(steps=4, epochs=1))  # type: ignore[arg-type]

    def run(*arguments: object, code: int = 0) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["vidcondense", *map(str, arguments)])
        try:
            cli.main()
            found = 0
        except SystemExit as stop:
            found = int(stop.code or 0)
        printed = capsys.readouterr()
        assert found == code, printed
        lines = (printed.err if code else printed.out).splitlines()
        assert len(lines) == 1 or not code
        return lines

    return run


def write(path: Path, names: tuple[str, ...], **changes: Any) -> KeyFrameVideos:
    """A file with a video of every class, of the frames and size of the tiny store."""
    made = KeyFrameVideos(
        key_frames=torch.randn(
            2 * len(names), 3, 32, 32, generator=torch.Generator().manual_seed(len(names))
        ),
        positions=torch.tensor([0, 3] * len(names)),
        counts=torch.tensor([2] * len(names)),
        labels=torch.arange(len(names)),
        class_names=names,
        frames=4,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        provenance={"recipe": {"name": "prism", "seed": 0}, "source": {"split": "1"}},
    )
    made = replace(made, **changes)
    path.parent.mkdir(exist_ok=True)
    made.save(path)
    return made


def test_sets_are_merged_and_the_next_commands_work(
    tiny_store: ClipStore, tmp_path: Path, said: Said
) -> None:
    names, out = tuple(tiny_store.class_names), tmp_path / "new folder" / "all.safetensors"
    write(tmp_path / "run" / "condensed.safetensors", names[:2])
    write(tmp_path / "b.safetensors", names[::-1], storage="float16", learning_rate=0.25)
    lines = said("merge", tmp_path / "run", tmp_path / "b.safetensors", "--out", out)
    assert lines == [
        f"{out}: 5 videos of 3 classes, 10 key frames (2.00 per video), {out.stat().st_size:,} bytes",
        "learned step sizes differ (none, 0.25): none is kept",
        "frames are stored as float32, the widest of the sets",
    ]
    made = CondensedVideos.load(out)
    assert made.class_names == names
    assert made.labels.tolist() == [0, 0, 1, 1, 2]
    assert "2 videos of 2 classes; 3 videos of 3 classes" in " ".join(" ".join(said("show", out)).split())
    said("evaluate", out, tiny_store.path, "--networks", 1, "--device", "cpu")


@pytest.mark.parametrize(
    ("change", "left_out", "spelled"),
    [
        (lambda names: (names[2], "more", names[0], names[1]), True, False),
        (lambda names: names[::-1], False, False),
        (lambda names: (names[0].upper(), *names[1:]), False, True),
    ],
)
def test_the_mend_that_evaluate_names_works(
    change: Callable[[tuple[str, ...]], tuple[str, ...]],
    left_out: bool,
    spelled: bool,
    tiny_store: ClipStore,
    tmp_path: Path,
    said: Said,
) -> None:
    names, file, out = tuple(tiny_store.class_names), tmp_path / "a b.safetensors", tmp_path / "cut"
    made = write(file, change(names))
    (line,) = said("evaluate", file, tiny_store.path, code=2)
    mend = re.search(r"vidcondense (merge) FILE (--classes-of) (.*) --out OTHER$", line)
    assert mend
    lines = said("merge", file, *mend.groups()[1:], "--out", out)
    assert any(line == "left out: 1 class, 'more'" for line in lines) == left_out
    assert any(line.startswith(f"spelled as in {tiny_store.path}: ") for line in lines) == spelled
    cut = CondensedVideos.load(out)
    assert cut.class_names == names
    for name, clip in zip(names, cut.render(), strict=True):
        (old,) = [old for old in made.class_names if old.casefold() == name.casefold()]
        assert torch.equal(clip, made.render([made.class_names.index(old)])[0])
    said("evaluate", out, tiny_store.path, "--networks", 1, "--device", "cpu")


def test_classes_are_chosen_by_name(tmp_path: Path, said: Said) -> None:
    write(tmp_path / "a", ("walk", "run", "jump"))
    lines = said("merge", tmp_path / "a", "--class", "jump", "--class", "walk", "--out", tmp_path / "cut")
    assert lines[1] == "left out: 1 class, 'run'"
    assert CondensedVideos.load(tmp_path / "cut").class_names == ("jump", "walk")
    (line,) = said("merge", tmp_path / "a", "--class", "Run", "--out", tmp_path / "x", code=2)
    assert line == "vidcondense: there is no class 'Run'; did you mean 'run'?"
    assert not (tmp_path / "x").exists()


def test_only_condensed_files_are_replaced_and_only_by_force(tmp_path: Path, said: Said) -> None:
    one, other, out = tmp_path / "a", tmp_path / "b", tmp_path / "out"
    write(one, ("walk", "run"))
    write(other, ("jump", "run"))
    merge = ("merge", one, other, "--out")
    said(*merge, out)
    before = out.read_bytes()
    assert f"{out} is there already, made of the same sets: nothing to do" in said(*merge, out)
    (line,) = said("merge", one, one, "--out", out, code=2)
    assert line == f"vidcondense: {out} holds another set; replace it with --force, or name another --out"
    said(*merge, out, "--force")
    assert out.read_bytes() == before
    out.write_text("notes")
    for force in ((), ("--force",)):
        assert "is there already and not a condensed file" in said(*merge, out, *force, code=2)[0]
        assert "not a file" in said(*merge, tmp_path, *force, code=2)[0]
    assert out.read_text() == "notes"
    said("merge", one, other, "--class", "run", "--out", one, "--force")  # over what it was made from
    assert CondensedVideos.load(one).class_names == ("run",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "out"]


def test_bad_input_is_one_line(tiny_store: ClipStore, tmp_path: Path, said: Said) -> None:
    one, other, to = tmp_path / "a", tmp_path / "b", ("--out", tmp_path / "out")
    write(one, ("walk", "run"))
    write(other, ("Walk", "jump"), interpolation="nearest")
    assert "needs two condensed files or more" in said("merge", *to, code=2)[0]
    assert "needs two condensed files or more" in said("merge", one, *to, code=2)[0]
    both = ("--class", "run", "--classes-of", tiny_store.path)
    assert "both choose classes" in said("merge", one, *both, *to, code=2)[0]
    assert "not a store" in said("merge", one, "--classes-of", tmp_path, *to, code=2)[0]
    line = said("merge", one, "--classes-of", tiny_store.path, *to, code=2)[0]
    assert f"{tiny_store.path} has classes that the set has not: {tiny_store.class_names[0]!r}" in line
    assert f"{one} and {other} differ in interpolation" in said("merge", one, other, *to, code=2)[0]
    write(other, ("Walk", "jump"))
    assert f"of {one} and {other} 'walk' and 'Walk' differ" in said("merge", one, other, *to, code=2)[0]
    assert "no condensed file at" in said("merge", one, tmp_path / "none", *to, code=2)[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_sets_of_two_splits_are_evaluated_on_the_one_that_is_named(
    tiny_store: ClipStore, tmp_path: Path, said: Said
) -> None:
    names = tuple(tiny_store.class_names)
    for split in ("1", "2"):
        write(tmp_path / split, names, provenance={"source": {"split": split}})
    said("merge", tmp_path / "1", tmp_path / "2", "--out", tmp_path / "both")
    evaluate = ("evaluate", tmp_path / "both", tiny_store.path, "--networks", 1, "--device", "cpu")
    assert "name the split to test on with --split" in said(*evaluate, code=2)[0]
    said(*evaluate, "--split", 1)
