"""What a budget is spent on, and that the file keeps to it."""

from pathlib import Path

import pytest
import quick

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.store import ClipStore
from vidcondense.insertion.schedule import ScheduleSettings
from vidcondense.recipes.recipe import Recipe
from vidcondense.run.budget import AIM, FAINT, FEW, Sample, Samples, fit
from vidcondense.run.loop import condense


def test_a_file_keeps_to_its_budget(tiny_store: ClipStore, tmp_path: Path) -> None:
    recipe = quick.load("random", overrides={"storage": "av1", "budget": 6000})
    samples = Samples(tiny_store)
    held = fit(samples, recipe)
    assert held.recipe.vpc >= 1 and held.recipe.budget == 6000
    assert f"budget 6,000 bytes: {held.recipe.vpc} videos per class" in held.describe()
    condense(tiny_store, held.recipe, tmp_path / "run", show=False)
    assert (tmp_path / "run" / "condensed.safetensors").stat().st_size <= 6000
    larger = fit(samples, recipe.replace(budget=12_000)).recipe.vpc
    assert larger >= held.recipe.vpc


@pytest.mark.parametrize("method", ["random", "displaced"])
def test_where_the_whole_dataset_fits_that_is_the_advice(tiny_store: ClipStore, method: str) -> None:
    samples = Samples(tiny_store)
    recipe = quick.load(method, overrides={"storage": "av1", "budget": 10**6})
    held = fit(samples, recipe)
    assert held.recipe.vpc == min(len(one) for one in tiny_store.by_class("train"))
    every = quick.load("every_video", overrides={"quality": AIM})
    assert held.whole == samples.of(every).of(every.videos(tiny_store))
    advice = f"the whole dataset takes {held.whole:,} bytes, so keep it instead (--recipe every_video)"
    assert advice in held.describe()
    assert advice in fit(samples, recipe.replace(budget=held.whole)).describe()
    assert "keep it instead" not in fit(samples, recipe.replace(budget=held.whole - 1)).describe()


def _of(self: Samples, recipe: Recipe) -> Sample:
    """A stand-in for coding: 1000 bytes of a file, and of each video by quality and size."""
    return Sample(1000, 10.0 * (80 - recipe.quality) * (recipe.synthetic.size or 32) / 32)


def test_quality_falls_before_frames_shrink_and_only_as_far_as_one_video_needs(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Samples, "of", _of)
    samples = Samples(tiny_store)
    recipe = quick.load("random", overrides={"storage": "av1", "quality": 20})
    for budget, quality, size, vpc in (
        (1000 + 3 * 250, 55, 0, 1),
        (1000 + 3 * 250 - 1, 62.5, 0, 1),
        (1000 + 3 * 175 - 1, 70, 0, 1),
        (1000 + 3 * 100 - 1, 62.5, 16, 1),
    ):
        found = fit(samples, recipe.replace(budget=budget))
        assert (found.recipe.quality, found.recipe.synthetic.size, found.recipe.vpc) == (quality, size, vpc)
    assert "stored with 16 x 16 pixels" in found.describe()
    with pytest.raises(VidcondenseError, match=r"does not hold one video of each class.*choose more bytes"):
        fit(samples, recipe.replace(budget=1050))


@pytest.mark.parametrize(
    ("quality", "videos", "vpc"),
    [(40, 3.0, 1), (40, 4.2, 1), (40, 4.3, 2), (40, 7.3, 2), (40, 7.4, 3), (69, 4.3, 1), (40, 99.0, 5)],
)
def test_the_number_of_videos_is_the_nearest_where_a_lower_quality_makes_room(
    quality: int, videos: float, vpc: int, tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three classes of five: two each are nearest from 3 √2 = 4.24 on, three from √(6 · 9) = 7.35."""
    monkeypatch.setattr(Samples, "of", _of)
    recipe = quick.load("random", overrides={"storage": "av1", "quality": quality})
    each = 10.0 * (80 - quality)
    samples = Samples(tiny_store)
    recipe = recipe.replace(budget=round(1000 + videos * each))
    assert fit(samples, recipe, fixed=("quality",)).recipe.vpc == vpc


@pytest.mark.parametrize(
    ("method", "budget", "vpc", "quality"),
    [
        ("random", 1000 + 3 * 250, 1, AIM),  # no second video at a lower quality either
        ("random", 1000 + 12 * 175, FEW, FAINT),
        ("random", 1000 + 14 * 175, FEW, FAINT),  # five would fit
        ("random", 1000 + 15 * 250, 5, AIM),
        ("prism_small", 1000 + 12 * 175, 2, AIM),  # what is learned may grow
    ],
)
def test_a_few_videos_are_worth_a_lower_quality(
    method: str, budget: int, vpc: int, quality: float, tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Samples, "of", _of)
    recipe = quick.load(method, overrides={"storage": "av1", "budget": budget})
    found = fit(Samples(tiny_store), recipe).recipe
    assert (found.vpc, found.quality) == (vpc, quality)


def test_what_is_fixed_stays(tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Samples, "of", _of)
    samples = Samples(tiny_store)
    recipe = quick.load("random", overrides={"storage": "av1", "quality": 20, "budget": 2600})
    assert fit(samples, recipe).recipe.quality > 20
    with pytest.raises(VidcondenseError, match=r"at quality 20.*choose a larger number for quality"):
        fit(samples, recipe.replace(budget=1400), fixed=("quality",))
    with pytest.raises(VidcondenseError, match=r"at quality 70; choose smaller frames \(synthetic.size\)"):
        fit(samples, recipe.replace(budget=1200), fixed=("synthetic.size", "seed"))


def test_the_whole_dataset_gets_smaller_frames_where_it_has_to(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Samples, "of", _of)
    samples = Samples(tiny_store)
    recipe = quick.load("every_video")
    lowest = 1000 + 15 * 100
    found = fit(samples, recipe.replace(budget=lowest))
    assert (found.recipe.synthetic.size, found.recipe.quality, found.video_bytes) == (0, recipe.quality, None)
    smaller = fit(samples, recipe.replace(budget=lowest - 1))
    assert smaller.recipe.synthetic.size == 16
    assert "every training video, stored with 16 x 16 pixels, of the quality" in smaller.describe()
    with pytest.raises(VidcondenseError, match="does not hold every training video, which takes about"):
        fit(samples, recipe.replace(budget=1300))


def test_insertion_gets_a_limit_where_key_frames_might_not_fit(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = quick.load("prism_small", overrides={"storage": "av1", "insertion.threshold": 1.0})
    samples = Samples(tiny_store)
    lowest = samples.of(recipe.replace(quality=70))
    budget = lowest.shared + round(1.6 * lowest.each * 3)
    found = fit(samples, recipe.replace(budget=budget, quality=70)).recipe
    assert isinstance(found.insertion, ScheduleSettings) and found.vpc == 1
    assert found.insertion.mean_key_frames == pytest.approx(2 * 1.6, abs=0.06)
    assert "at most 3.2 key frames per video" in fit(samples, found).describe()
    condense(tiny_store, found, tmp_path / "run", show=False)  # which inserts where it may
    assert (tmp_path / "run" / "condensed.safetensors").stat().st_size <= budget
    monkeypatch.setattr(Samples, "of", lambda self, recipe: Sample(0, 100.0 if recipe.quality < 70 else 24.0))
    free = fit(samples, recipe.replace(budget=300)).recipe  # all 4 frames fit at the lowest quality
    assert isinstance(free.insertion, ScheduleSettings) and free.insertion.mean_key_frames == 0
