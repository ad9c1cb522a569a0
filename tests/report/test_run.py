"""Reading run folders that are whole, interrupted, damaged, or none."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_run import CLASSES, condensed_videos

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import merge
from vidcondense.report.page import build_page
from vidcondense.report.run import Insertion, load_run, load_runs

Make = Callable[..., Path]


def test_metrics_of_a_resumed_run_count_once(make_run: Make) -> None:
    folder = make_run()
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('\n{"event": "iteration", "iteration": 7, "loss": 0.5}')
        file.write('\n{"event": "iteration", "iteration": 8, "loss": NaN}\n{"event": "iterat')
    metrics = load_run(folder, "run").metrics
    assert len(metrics.losses) == 99 and dict(metrics.losses)[7] == 0.5
    assert metrics.insertions == (Insertion(25, 2, 3), Insertion(31, 0, 2), Insertion(44, 2, 1))
    assert metrics.unreadable == 1


def test_key_frames_that_were_dropped_and_came_back(make_run: Make) -> None:
    folder = make_run()
    rows = [("insertion", 20, 3), ("drop", 22, 3), ("insertion", 30, 4), ("drop", 60, 4)]
    with (folder / "metrics.jsonl").open("a") as file:
        for event, iteration, position in rows * 2:  # a resumed run may log an iteration twice
            file.write(
                f'\n{{"event": "{event}", "iteration": {iteration}, "video": 2, "position": {position}, '
                '"change": -0.5}'
            )
    run = load_run(folder, "run")
    assert run.metrics.drops == (Insertion(22, 2, 3), Insertion(60, 2, 4))
    assert len(run.metrics.insertions) == 5
    assert run.inserted[2] == {3: 25, 4: 30, 1: 44}, "the last insertion of each place"
    assert run.metrics.unreadable == 0
    page = build_page([run])
    assert "2 key frames dropped again (rings);" in page
    assert "1 key frame dropped at time 3, iteration 22" in page
    assert "dropped again" not in build_page([load_run(make_run("other"), "other")])


def test_the_headline_prefers_the_default_protocol(make_run: Make) -> None:
    folder = make_run()
    one = json.loads((folder / "evaluations" / "strict.json").read_text())
    (folder / "evaluations" / "a.json").write_text(json.dumps({**one, "protocol": "vdsd"}))
    (folder / "evaluations" / "b.json").write_text(json.dumps({**one, "network": "cnn_gru"}))
    run = load_run(folder, "run")
    assert len(run.evaluations) == 3
    assert run.evaluation is not None and run.evaluation.test == ("strict", "minic3d", None)


def test_runs_of_one_name_are_told_apart(tmp_path: Path, make_run: Make) -> None:
    runs = load_runs([make_run("a/run"), make_run("b/run"), make_run("c")])
    assert [run.label for run in runs] == ["a/run", "b/run", "c"]


def test_networks_that_all_diverged_have_no_score(make_run: Make) -> None:
    folder = make_run()
    path = folder / "evaluations" / "strict.json"
    one = json.loads(path.read_text())
    path.write_text(json.dumps({**one, "top1": {"mean": float("nan"), "std": 0, "values": []}}))
    found = load_run(folder, "run").evaluation
    assert found is not None and found.top1 is None


def test_only_what_the_recipe_says_makes_a_run_a_selection(make_run: Make) -> None:
    """Runs of earlier versions do not say it: they are shown, whatever their recipe is called."""
    folder = make_run(recipe="random")
    assert load_run(folder, "run").is_random
    path = folder / "run.json"
    values = json.loads(path.read_text())
    values["recipe"]["coreset"]["kind"] = "k_center"
    path.write_text(json.dumps(values))
    run = load_run(folder, "run")
    assert (run.coreset, run.is_random) == ("k_center", False)
    del values["recipe"]["coreset"]
    path.write_text(json.dumps(values))
    run = load_run(folder, "run")
    assert (run.recipe_name, run.coreset, run.is_random) == ("random", None, False)


def test_only_networks_that_trained_have_a_value_and_two_a_deviation(make_run: Make) -> None:
    folder = make_run()
    path = folder / "evaluations" / "strict.json"
    record = json.loads(path.read_text())
    for values, known, std in (([0.5, None, 0.5], (0.5, 0.5), 0.0), ([None, 0.5], (0.5,), None)):
        path.write_text(json.dumps({**record, "top1": {"mean": 0.5, "std": 0.0, "values": values}}))
        evaluation = load_run(folder, "run").evaluation
        assert evaluation is not None and evaluation.top1 is not None
        assert (evaluation.top1.values, evaluation.top1.std) == (known, std)


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("run.json", "{", "not valid JSON"),
        ("run.json", "[1]", "run.json is damaged: Expected `object`, got `array`"),
        ("condensed.safetensors", "abc", "cut short or not ours"),
        ("evaluations/x.json", '{"protocol": "strict"}', "x.json is not an evaluation"),
        (
            "evaluations/x.json",
            '{"protocol": "s", "network": "n", "networks": 1, "confusion": [[1, 2]]}',
            "not square",
        ),
    ],
)
def test_damaged_files_are_named(make_run: Make, name: str, text: str, match: str) -> None:
    folder = make_run()
    (folder / name).write_text(text)
    with pytest.raises(VidcondenseError, match=match) as caught:
        load_run(folder, "run")
    assert "\n" not in str(caught.value)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VidcondenseError, match="no run folder at"):
        load_runs([tmp_path / "none"])
    with pytest.raises(VidcondenseError, match="is not a run folder"):
        load_runs([tmp_path])
    with pytest.raises(VidcondenseError, match="at least one"):
        load_runs([])


def test_numbers_out_of_range_are_passed_over_or_refused(make_run: Make) -> None:
    folder = make_run()
    lines = [
        *('{"event": "iteration", "iteration": 1e999, "loss": 1}', '{"event": "iteration", "iteration": -1}'),
        *("[1]", "[" * 50_000, '{"event": "insertion", "iteration": 1, "video": 0, "position": 1.5}'),
        '{"event": "iteration", "iteration": 7, "loss": 1e308}',
        '{"event": "iteration", "iteration": 8, "loss": 2.0}',
    ]
    (folder / "metrics.jsonl").write_text("\n".join(lines))
    (folder / "run.json").write_text(json.dumps({"iterations": 10**400, "seconds": 1e999}))
    run = load_run(folder, "run")
    assert run.metrics.losses == ((8, 2.0),)
    assert run.metrics.unreadable == 5
    assert (run.iterations, run.seconds) == (8, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [("networks", -1), ("networks", 10**400), ("per_class", {"a": 2.0}), ("confusion", [[float("inf")]])],
)
def test_evaluations_that_make_no_sense_are_refused(make_run: Make, field: str, value: object) -> None:
    folder = make_run()
    path = folder / "evaluations" / "strict.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(VidcondenseError, match=r"strict\.json is not an evaluation"):
        load_run(folder, "run")


def test_a_merged_set_has_the_recipe_on_which_all_agree(tmp_path: Path) -> None:
    sets = [
        replace(
            condensed_videos(),
            provenance={"recipe": {"name": name, "seed": 0, "coreset": {"kind": "random"}}},
        )
        for name in ("random", "own")
    ]
    for folder, made in (("merged", merge(sets)), ("cut", sets[0].select(CLASSES[:2]))):
        (tmp_path / folder).mkdir()
        made.save(tmp_path / folder / "condensed.safetensors")
    merged, cut = load_runs([tmp_path / "merged", tmp_path / "cut"])
    assert (merged.recipe_name, cut.recipe_name) == ("random + own", "random")
    assert merged.is_random and merged.recipe["seed"] == 0
    page = build_page([merged, cut])
    assert "merged_from.2.provenance.recipe.name" in page and "selected_from.videos" in page
