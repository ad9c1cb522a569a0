"""No key is taken that nothing reads: all keys against all recipes, and what parts really read."""

import sys
from pathlib import Path
from typing import Any

import pytest
import quick

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.settings import Settings, hints
from vidcondense.base.tables import flat, nested
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.teachers import TeacherSettings
from vidcondense.experts.settings import ExpertSettings
from vidcondense.recipes import load as recipes
from vidcondense.recipes.reading import from_dict, from_earlier, keys
from vidcondense.recipes.recipe import FAMILIES, Recipe
from vidcondense.run.loop import condense

RANDOM = {"kind": "random"}
NEEDED: dict[str, dict[str, Any]] = {"uniform": {"mean_key_frames": 2.0}}
"""What a kind has no default for."""


@pytest.fixture(scope="module")
def every() -> dict[str, Any]:
    """A value for every key of every kind."""
    found = {key: value for key, value in Recipe().fields().items() if "." not in key}
    found |= flat({"experts": ExpertSettings().to_dict(), "teachers": TeacherSettings().to_dict()})
    for table, family in FAMILIES.items():
        for kind in family.members():
            found |= flat({table: family.settings(kind)(**NEEDED.get(kind, {})).to_dict()})
    assert set(found) == set(keys())
    return found


@pytest.mark.parametrize("name", recipes.available())
def test_every_key_of_every_kind_is_read_or_refused(name: str, every: dict[str, Any]) -> None:
    recipe = recipes.load(name)
    read = recipe.keys()
    assert read <= set(every)
    for key in read:
        if not key.endswith(".kind"):
            assert recipes.load(name, overrides={key: recipe.fields()[key]}) == recipe
    for key in set(every) - read:
        if key.endswith(".kind"):  # choosing another kind is another recipe
            continue
        with pytest.raises(VidcondenseError, match=f"recipe key '{key}'") as caught:
            recipes.load(name, overrides={key: every[key]})
        said = str(caught.value)
        assert "\n" not in said
        table, _, field = key.partition(".")
        if key in recipe.fields() or not field:
            assert "would be read by nothing" in said
        else:
            assert f"belongs to {table}.kind = " in said
            assert "did you mean" in said or "known: " in said


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("objective.pool", 20), ("objective.outer_steps", 5), ("objective.distance", "cosine")),
        *(("objective.first_epoch", 9), ("experts.count", 3), ("synthetic.static_memory", "learned")),
        ("optimiser.hallucinator_learning_rate", 1.0),
    ],
)
def test_what_prism_once_took_in_silence(key: str, value: object) -> None:
    with pytest.raises(VidcondenseError, match=f"'{key}'.*(belongs to|needs no experts|is called)"):
        recipes.load("prism", overrides={key: value})


INSIDE = {"vidcondense.base.settings", "vidcondense.recipes.reading", "vidcondense.recipes.load"}
CHECKS = {"check", "fields", "to_dict", "unread", "refuses_insertion", "stages"}
ELSEWHERE = {"kind", "name", "description", "static_iterations", "most", "frames"}
"""Read when parts are chosen, stages planned, stores checked (`frames`) and results described; `most` only
with select = "all"."""


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Notes every field of settings that parts read, by its dotted key."""
    noted: set[str] = set()
    plain = object.__getattribute__

    def noting(self: Settings, name: str) -> Any:
        if name in hints(type(self)):
            caller = sys._getframe(1)
            module, function = caller.f_globals.get("__name__", ""), caller.f_code.co_name
            if module.startswith("vidcondense.") and module not in INSIDE and function not in CHECKS:
                noted.add(f"{type(self).family}.{name}".removeprefix("."))
        return plain(self, name)

    monkeypatch.setattr(Settings, "__getattribute__", noting, raising=False)
    return noted


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        *(("prism", {}), ("wang", {}), ("frepo", {}), ("mtt", {}), ("dm_trained_small", {}), ("random", {})),
        ("dc", {"objective.outer_steps": 2, "objective.inner_steps": 1, "iterations": 3}),
        ("dm", {"objective.real_frames": 2}),
        ("prism_small", {"storage": "av1"}),
        ("herding", {"coreset.features": "trained"}),
    ],
)
def test_what_a_recipe_holds_is_read_when_it_runs(
    name: str, overrides: dict[str, Any], tiny_store: ClipStore, tmp_path: Path, reads: set[str]
) -> None:
    recipe = quick.load(name, overrides=overrides)
    condense(tiny_store, recipe, tmp_path / "run", device="cpu", precision="float32", show=False)
    wanted = {key for key in recipe.fields() if key in recipe.keys()}  # noqa: SIM118
    left = {key for key in wanted - reads if key.rpartition(".")[2] not in ELSEWHERE}
    for part in (recipe.synthetic, recipe.objective):  # step sizes are looked up by their parameter's name
        left -= {f"{part.family}.{key}" for key in part.rates.values()}
    left -= {key for key in left if key.startswith("experts.")}  # a run's experts keep them all as their plan
    assert left <= {"optimiser.learning_rate"}


def test_recipes_of_earlier_runs_lose_what_nothing_read(every: dict[str, Any]) -> None:
    recipe = recipes.load("mtt", overrides={"objective.step_size_learning_rate": 0.25, "flip": 0.0})
    others = {key: value for key, value in every.items() if not key.endswith(".kind")}
    held = {**others, **recipe.fields(), "coreset.kind": "none", "static_iterations": 0}
    held["optimiser.step_size_learning_rate"] = held.pop("objective.step_size_learning_rate")
    assert from_earlier(nested(held)) == recipe
    held |= {"coreset.kind": "herding", "coreset.features": "trained", "iterations": 0}
    coreset = from_earlier(nested(held))
    assert coreset.all_iterations == 0
    assert coreset.fields()["coreset.features"] == "trained"
    assert from_dict(coreset.to_dict()) == coreset


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "a recipe is a table of settings"),
        ({"objective": 3}, "'objective' is a table of settings"),
        ({"objective": {"kind": 3}}, r"objective\.kind must be a text, not 3"),
        ({"objective": {"kind": "x"}}, r"one of distribution_matching, .* or FILE\.py:NAME, not 'x'"),
        ({"nothing": {}}, "unknown recipe key 'nothing'"),
        ({"synthetic": {"init": {"a": 1}}}, r"synthetic\.init must be one of noise, real, herding"),
        ({"optimiser": {"": {}}}, "unknown recipe key 'optimiser.'"),
        ({"optimiser": {"momentum": {}}}, r"optimiser\.momentum must be a number, not {}"),
        ({"coreset": RANDOM, "flip": 0.0}, r"'flip' would be .*has no use for it; leave it out"),
        ({"coreset": {"kind": "herding"}, "flip": 0.0}, "'flip' would be read by nothing"),
        ({"coreset": RANDOM, "network": "cnn_mean"}, "'network' would be read by nothing"),
        ({"coreset": RANDOM, "synthetic": {"init": "real"}}, r"'synthetic\.init' would be read by nothing"),
        ({"coreset": RANDOM, "optimiser": {"momentum": 0.5}}, r"'optimiser\.momentum' would be read by"),
        ({"synthetic": {"kind": "every_frame", "segments": 2}}, "'every_frame' interpolates nothing"),
        ({"objective": {"kind": "gradient_matching", "inner_steps": 1}}, "outer_steps to 2 or more"),
    ],
)
def test_bad_values_are_refused_in_one_line(given: Any, message: str) -> None:
    with pytest.raises(VidcondenseError, match=message) as caught:
        from_dict(given)
    assert "\n" not in str(caught.value)
