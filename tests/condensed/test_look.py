"""A condensed set as Python and notebooks show it, cut by slices, beside another."""

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_run import condensed_videos, write_run
from torch.nn.functional import interpolate
from torch.utils.data import DataLoader

from vidcondense import CondensedVideos, VidcondenseError
from vidcondense.condensed import KeyFrameVideos, StaticDynamicVideos
from vidcondense.condensed.base import REPRESENTATIONS


def test_a_set_in_one_line(memories: Callable[..., StaticDynamicVideos]) -> None:
    made = replace(condensed_videos(), provenance={"recipe": {"name": "prism_small"}})
    assert repr(made) == (
        "KeyFrameVideos(3 videos of 3 classes, 6 frames of 10 x 8, 9 key frames, stored as float32, "
        "recipe prism_small)"
    )
    assert repr(memories([0, 1], ("a", "b"), 4, (16, 16))) == (
        "StaticDynamicVideos(2 videos of 2 classes that render 8 clips, 4 frames of 16 x 16, "
        "stored as float32)"
    )


def test_a_notebook_shows_moving_clips_with_escaped_names() -> None:
    smooth = torch.rand(9, 3, 3, 3, generator=torch.Generator().manual_seed(1)) * 4 - 2
    made = replace(condensed_videos(), key_frames=interpolate(smooth, (32, 41), mode="bilinear"))
    page = made._repr_html_()
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search(r"(src|href)=[\"'](?!data:image/)", page), "it is not self-contained"
    pictures = re.findall(r'src="data:image/(?:webp|apng);base64,([^"]+)"', page)
    assert len(pictures) == 3
    for picture, clip in zip(pictures, made.pixels(), strict=True):
        shown = Image.open(io.BytesIO(base64.b64decode(picture)))
        assert (shown.n_frames, shown.size) == (6, (40, 32))
        for time in range(6):
            shown.seek(time)
            back = torch.from_numpy(np.array(shown.convert("RGB"))).permute(2, 0, 1)
            apart = (clip[..., :40].float() - back).abs().mean((1, 2, 3))
            assert int(apart.argmin()) == time, f"this is another frame: {apart.tolist()}"


def test_a_notebook_shows_the_first_clips_of_many() -> None:
    one = condensed_videos()
    many = replace(
        one,
        key_frames=one.key_frames[:2].repeat(30, 1, 1, 1),
        positions=torch.tensor([0, 5] * 30),
        counts=torch.tensor([2] * 30),
        labels=torch.arange(3).repeat(10),
    )
    page = many._repr_html_()
    assert page.count("<img") == 12 and "and 18 more" in page
    assert len(page) < 60_000


def test_a_slice_is_a_set_of_these_videos() -> None:
    made = replace(condensed_videos(), targets=torch.eye(3), transform=torch.neg)
    for part in (slice(1, None), slice(None, None, -1), slice(0, 3, 2)):
        cut, order = made[part], list(range(3))[part]
        assert torch.equal(cut.render(), made.render(order))
        assert cut.labels.tolist() == order and cut.class_names == made.class_names
        assert cut.targets is not None and torch.equal(cut.targets, torch.eye(3)[order])
        assert cut.provenance["selected_from"]["provenance"] == made.provenance
        assert cut.transform is torch.neg
    soft = replace(condensed_videos(), soft_labels=torch.arange(1, 10, dtype=torch.uint8).view(3, 3))
    assert soft[1:2].soft_labels.tolist() == [[4, 5, 6]]  # type: ignore[union-attr]
    with pytest.raises(VidcondenseError, match="the set has 3, and no set is empty"):
        made[3:]


def test_the_clips_of_a_video_stay_together(memories: Callable[..., StaticDynamicVideos]) -> None:
    made = memories([0, 1, 1], ("a", "b"), 4, (16, 16))
    assert torch.equal(made[4:12].render(), made.render(list(range(4, 12))))
    for part in (slice(0, 2), slice(2, 6), slice(None, None, 4)):
        with pytest.raises(VidcondenseError, match=r"slice from a multiple of 4 to another, such as \[0:4\]"):
            made[part]


def test_sets_with_the_same_content_are_equal(
    tmp_path: Path, memories: Callable[..., StaticDynamicVideos]
) -> None:
    made = condensed_videos()
    made.save(tmp_path / "set")
    assert CondensedVideos.load(tmp_path / "set") == made
    assert replace(made, provenance={}, storage="uint8", transform=torch.neg) == made
    others = [
        replace(made, key_frames=made.key_frames + 1e-6),
        replace(made, positions=torch.tensor([0, 3, 5, 0, 5, 0, 1, 3, 5])),
        replace(made, labels=torch.tensor([0, 1, 1])),
        replace(made, class_names=("a", "b", "c")),
        replace(made, targets=torch.eye(3)),
        replace(made, soft_labels=torch.ones(3, 3, dtype=torch.uint8)),
        replace(made, interpolation="nearest"),
        replace(made, learning_rate=0.1),
        replace(made, shown=(16, 20)),
        replace(made, std=(0.2, 0.2, 0.3)),
        memories([0, 1, 2], made.class_names, 6, (8, 10)),
        made[:2],
    ]
    for number, other in enumerate(others):
        assert made != other and other != made, number
    assert made != "a set"
    with pytest.raises(TypeError):
        hash(made)


def test_a_kind_of_your_own_has_the_same_line_and_equality(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidcondense.condensed.base.REPRESENTATIONS", dict(REPRESENTATIONS))

    @dataclass(frozen=True, kw_only=True)
    class Own(KeyFrameVideos):
        """With a number."""

        representation: ClassVar[str] = "own"
        number: int = 0

        def content_header(self) -> dict[str, object]:
            return {**super().content_header(), "number": self.number}

    made = Own(**vars(condensed_videos()))
    assert repr(made).startswith("Own(3 videos")
    assert made == replace(made) and made != replace(made, number=1)


def test_a_run_folder_is_loaded_as_its_result(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    assert CondensedVideos.load(str(run)) == condensed_videos()
    (run / "condensed.safetensors").unlink()
    with pytest.raises(VidcondenseError, match=r"not finished; call vidcondense.resume\('.*run'\)"):
        CondensedVideos.load(run)
    with pytest.raises(VidcondenseError, match="no condensed file at"):
        CondensedVideos.load(tmp_path)


def test_a_transform_is_done_to_the_clips_of_the_dataset_alone(tmp_path: Path) -> None:
    condensed_videos().save(tmp_path / "set")
    made = CondensedVideos.load(tmp_path / "set", transform=torch.neg)
    assert torch.equal(made[1][0], -condensed_videos().render([1])[0])
    assert torch.equal(made.render(), condensed_videos().render())
    clips, labels = next(iter(DataLoader(made, batch_size=3)))
    assert torch.equal(clips, -condensed_videos().render()) and labels.tolist() == [0, 1, 2]
