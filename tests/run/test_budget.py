"""How many videos a budget holds, and that the file keeps to it."""

from pathlib import Path

import pytest
import quick

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.store import ClipStore
from vidcondense.run.budget import fit
from vidcondense.run.loop import condense


def test_a_file_keeps_to_its_budget(tiny_store: ClipStore, tmp_path: Path) -> None:
    recipe = quick.load("random", overrides={"storage": "av1", "budget": 6000})
    held = fit(tiny_store, recipe)
    assert held.recipe.vpc >= 1 and held.recipe.budget == 6000
    assert f"{held.recipe.vpc} videos per class" in held.describe()
    condense(tiny_store, held.recipe, tmp_path / "run", show=False)
    assert (tmp_path / "run" / "condensed.safetensors").stat().st_size <= 6000
    larger = fit(tiny_store, recipe.replace(budget=12_000)).recipe.vpc
    assert larger >= held.recipe.vpc


def test_all_that_can_be_had_is_said_to_be_so(tiny_store: ClipStore) -> None:
    held = fit(tiny_store, quick.load("random", overrides={"storage": "av1", "budget": 10**6}))
    assert held.recipe.vpc == held.most == min(len(one) for one in tiny_store.by_class("train"))
    assert "code the whole dataset" in held.describe()


def test_too_few_bytes_are_refused(tiny_store: ClipStore) -> None:
    with pytest.raises(VidcondenseError, match="does not hold one video of each class"):
        fit(tiny_store, quick.load("random", overrides={"storage": "av1", "budget": 500}))
