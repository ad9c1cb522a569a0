"""Plans: which cells a benchmark has on a store, what is left out and why, and what is said about it."""

from pathlib import Path
from typing import Any, Literal

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.grids import BENCHMARKS
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.plan import Plan, known_dataset
from vidcondense.benchmark.plan import plan as plan_in
from vidcondense.data.store import ClipStore


def plan(name: str, store: ClipStore, options: Options) -> Plan:
    return plan_in(name, store, options, Path("nowhere"))


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name not in ("grid", "taxonomy")])
def test_every_benchmark_has_cells_that_this_version_can_measure(name: str, tiny_store: ClipStore) -> None:
    planned = plan(name, tiny_store, Options())
    assert planned.cells
    assert all(skipped.reason for skipped in planned.skipped)
    assert all(cell.resolve(3, "1").seed == 3 for cell in planned.cells if cell.recipe)


def test_methods_and_networks_this_version_lacks_are_left_out_with_the_reason(
    tiny_store: ClipStore,
) -> None:
    planned = plan(
        "accuracy",
        tiny_store,
        Options(methods=("dm", "alchemy"), network=("minic3d", "perceptron"), controls=False),
    )
    assert {cell.recipe for cell in planned.cells} == {"dm_small"}
    assert {cell.networks for cell in planned.cells} == {("minic3d",)}
    assert {skipped.reason for skipped in planned.skipped} == {
        "no recipe 'alchemy' in this version",
        "no network 'perceptron' in this version",
    }
    for options in (Options(methods=("alchemy",), controls=False), Options(network=("perceptron",))):
        with pytest.raises(VidcondenseError, match="nothing to measure: no"):
            plan("accuracy", tiny_store, options)


@pytest.mark.parametrize(
    ("recipes", "name", "remark"),
    [
        (
            "auto",
            "prism_small",
            "Recipes for short runs (`_small`) where there are some; "
            "chosen for clips of 4x32x32, see --recipes.",
        ),
        ("small", "prism_small", "Recipes for short runs (`_small`) where there are some."),
        ("published", "prism", "Recipes with the published hyper-parameters."),
    ],
)
def test_which_recipes_were_chosen_is_said(
    recipes: Literal["auto", "small", "published"], name: str, remark: str, tiny_store: ClipStore
) -> None:
    planned = plan("accuracy", tiny_store, Options(methods=("prism",), recipes=recipes, controls=False))
    assert {cell.recipe for cell in planned.cells} == {name}
    assert planned.remarks[0] == remark
    unpublished = [f"recipe prism: no published settings for {tiny_store.name!r}: those of miniUCF are used"]
    assert planned.remarks[1:] == (unpublished if name == "prism" else [])


def test_what_the_published_figures_are_of_is_said(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcondense.benchmark.plan.recognise", lambda name, classes: "ssv2")
    options = Options(methods=("prism",), overrides=("flip=0",))
    *_, overrides, published, metric = plan("accuracy", tiny_store, options).remarks
    assert overrides == "Overrides: `flip=0`."
    assert "8 frames of 64x64 (here 4 of 32x32), under the evaluation" in published
    assert metric == "They are top-5 and not shown beside top-1; use --metric."


def test_a_dataset_that_the_store_cannot_be(tiny_store: ClipStore) -> None:
    with pytest.raises(VidcondenseError, match=r"HMDB51 has 51 classes, the store 3; .* --published all"):
        known_dataset("hmdb51", tiny_store)
    assert known_dataset("none", tiny_store) is None
    assert known_dataset("all", tiny_store) is None


def test_figures_of_another_metric_stand_beside_no_accuracy(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcondense.benchmark.plan.recognise", lambda name, classes: "ssv2")
    methods: dict[str, Any] = {"methods": ("prism",)}
    assert plan("accuracy", tiny_store, Options(**methods)).figures == ""
    assert plan("accuracy", tiny_store, Options(metric="top5", **methods)).figures == "ssv2"
    assert plan("storage", tiny_store, Options(**methods)).figures == "ssv2"


def test_the_whole_dataset_has_no_condensed_set_to_show(tiny_store: ClipStore) -> None:
    with pytest.raises(VidcondenseError, match="nothing to measure: flow is of condensed sets"):
        plan("flow", tiny_store, Options(methods=("whole",)))
