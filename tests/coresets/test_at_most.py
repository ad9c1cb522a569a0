"""Random selection that takes all of a class that has fewer videos than wanted."""

from pathlib import Path

import numpy as np
import pytest

from vidcondense.coresets.at_most import AtMost
from vidcondense.coresets.random import Random
from vidcondense.data.store import ClipStore
from vidcondense.recipes.load import load
from vidcondense.run.budget import Samples, fit
from vidcondense.run.loop import condense


def test_it_chooses_as_random_selection_where_all_have_enough(tiny_store: ClipStore) -> None:
    one, other = (kind.default().select(tiny_store, 3, np.random.default_rng(0)) for kind in (AtMost, Random))
    assert one.videos.tolist() == other.videos.tolist() and one.starts.tolist() == other.starts.tolist()


def test_a_class_with_fewer_gives_all(
    unbalanced_store: ClipStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = AtMost.default().select(unbalanced_store, 3, np.random.default_rng(0))
    assert chosen.labels.tolist() == [0, 0, 1, 1, 1]
    assert len(set(chosen.videos.tolist())) == 5
    recipe = load("real_clips", vpc=3)
    assert recipe.videos(unbalanced_store) == 5
    made = condense(unbalanced_store, recipe, tmp_path / "run")
    assert made.labels.tolist() == [0, 0, 1, 1, 1]
    assert "1 of 2 classes have fewer than 3 training videos: all are kept" in capsys.readouterr().err


def test_a_budget_goes_beyond_the_smallest_class(unbalanced_store: ClipStore) -> None:
    samples = Samples(unbalanced_store)
    recipe = load("real_clips", overrides={"budget": 10**6})
    held = fit(samples, recipe)
    assert held.recipe.vpc == 4 and held.recipe.videos(unbalanced_store) == 6
    assert "4 videos per class, or all that it has, of about" in held.describe()
    sample = samples.of(recipe)
    small = recipe.replace(budget=round(sample.shared + 5.4 * sample.each))
    fewer = fit(samples, small, fixed=("quality",)).recipe
    assert (fewer.vpc, fewer.videos(unbalanced_store)) == (3, 5)
    assert fit(samples, load("random", overrides={"storage": "av1", "budget": 10**6})).recipe.vpc == 2
