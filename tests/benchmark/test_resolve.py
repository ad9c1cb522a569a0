"""Planning a benchmark: from pilot cells, or without; nothing is run."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidcondense.benchmark import resolve
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.cost import Cost
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.plan import Plan
from vidcondense.benchmark.rows import Made, Result
from vidcondense.data.store import ClipStore

Call = Callable[..., int]
CELLS = [Cell(name, "", name, 1, networks=("minic3d",)) for name in ("random", "dm")]


def planned(store: ClipStore, folder: Path, **options: Any) -> Plan:
    chosen = Options(**{"seeds": (0, 1, 2, 3), "networks": 3, "protocol": "strict", **options})
    return Plan("grid", store, chosen, folder, CELLS, [], [])


def record(values: list[float | None]) -> Any:
    scores = {"values": values}
    return {"top1": scores, "top5": scores, "networks": len(values), "seconds": 10.0 * len(values)}


def pilot(deviation: float) -> dict[Cell, Result]:
    """Four seeds of three networks, 100 s of condensing and 10 s of each network."""
    rng = np.random.default_rng(0)
    made = {("1", seed): Made(2.0, 1, 1, 100.0, {}, 1) for seed in range(4)}
    judged = {
        cell: {pair: record((0.5 + deviation * rng.normal(size=3)).tolist()) for pair in made}
        for cell in CELLS
    }
    return {cell: Result(made, {"minic3d": judged[cell]}) for cell in CELLS}


def table(lines: list[str]) -> list[list[float]]:
    text = next(line for line in lines if line.startswith("| splits"))
    return [[float(entry) for entry in line.strip("|").split("|")] for line in text.splitlines()[2:]]


def test_from_a_pilot_the_cheapest_comes_first(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = np.arange(5000)
    monkeypatch.setattr(ClipStore, "select", lambda self, role: many)
    plan = planned(tiny_store, tmp_path)
    lines = resolve.resolve(plan, 2.0, pilot(0.02), Cost(plan.options))
    assert re.search(r"chance of 80%, among 1 comparison, on 5,000 test videos per split", lines[0])
    (network,) = re.findall(r"from 1 comparison in the folder: .*of single networks (\d\.\d)", lines[1])
    assert float(network) == pytest.approx(2 * 2**0.5, abs=1.0)
    assert lines[2] == "Assumed, for nothing in the folder tells them: of splits 1.0."
    hours = [line[3] for line in table(lines)]
    assert hours == sorted(hours)
    for splits, seeds, networks, hour in table(lines):
        assert hour == pytest.approx(splits * seeds * 2 * (100 + 10 * networks) / 3600, abs=0.006)
    assert lines[-1].startswith("The cheapest: 1 split, ")


def test_a_test_set_that_cannot_is_said_to(tiny_store: ClipStore, tmp_path: Path) -> None:
    plan = planned(tiny_store, tmp_path)
    lines = resolve.resolve(plan, 2.0, pilot(0.02), Cost(plan.options))
    assert re.search(
        r"cannot be resolved here: up to 1 split, 100 seeds and 10 networks resolve .*"
        r"More test videos help",
        lines[-1],
    )


def test_networks_that_diverged_take_no_part_in_a_pilot(tiny_store: ClipStore, tmp_path: Path) -> None:
    made = {("1", 0): Made(2.0, 1, 1, 1.0, {}, 1)}
    values: list[list[float | None]] = [[0.5, None, 0.25], [0.25, 0.5, 0.25]]
    results = {
        cell: Result(made, {"minic3d": {("1", 0): record(of_cell)}})
        for cell, of_cell in zip(CELLS, values, strict=True)
    }
    assert resolve.pilot_differences(planned(tiny_store, tmp_path), results) == [{("1", 0): [-25.0, 0.0]}]
    none = {cell: replace_with_nothing(result) for cell, result in results.items()}
    assert resolve.pilot_differences(planned(tiny_store, tmp_path), none) == []


def replace_with_nothing(result: Result) -> Result:
    return result._replace(judged={})


def test_the_command_reads_every_seed_and_runs_nothing(
    call: Call, tmp_path: Path, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    cells = ("grid", "--cell", "a=--recipe random", "--cell", "b=--recipe random --vpc 2")
    assert call(*cells, "--seeds", 3, 4, learns=False) == 0
    commands.clear()
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert call(*cells, "--resolve", 45, learns=False) == 0
    said = capsys.readouterr()
    assert "from 1 comparison in the folder: of condensed sets" in said.out
    assert "of splits 1.0, of single networks 3.5" in said.out
    assert said.err.splitlines()[-1].startswith("next: vidcondense benchmark grid")
    assert "--resolve" not in said.err
    assert commands == [] and sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("accuracy", "--resolve", 0), "--resolve must be points between 0 and 100, not 0"),
        (("accuracy", "--resolve", 2, "--force"), "--resolve runs nothing; leave --force out"),
        (("frames", "--resolve", 2), "--resolve is for accuracies, and frames measures none"),
    ],
)
def test_what_cannot_be_planned_is_one_line(
    call: Call, capsys: pytest.CaptureFixture[str], arguments: tuple[object, ...], message: str
) -> None:
    assert call(*arguments) == 2  # type: ignore[arg-type]
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
