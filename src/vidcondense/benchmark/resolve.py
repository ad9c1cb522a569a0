"""How many splits, seeds and networks resolve a difference in a table, and what they cost; nothing is run."""

import statistics
from collections.abc import Mapping
from dataclasses import asdict

from vidcondense.base.units import duration, plural
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.cost import Cost
from vidcondense.benchmark.grids import BENCHMARKS, FIRST
from vidcondense.benchmark.plan import Plan
from vidcondense.benchmark.rows import Result
from vidcondense.benchmark.statistics import Pair, power
from vidcondense.benchmark.statistics.power import Design, Deviations
from vidcondense.benchmark.tables import Line, markdown
from vidcondense.benchmark.tasks import Task
from vidcondense.evaluation.results import Record

WORDS = {"split": "of splits", "condensed_set": "of condensed sets", "network": "of single networks"}
Seconds = tuple[float, float]
"""Of condensing all cells once, and of training one of each evaluation network on each."""


def resolve(plan: Plan, points: float, results: Mapping[Cell, Result], cost: Cost) -> list[str]:
    """What to say about a difference of so many points, in lines.

    Args:
        plan: what would be measured.
        points: the difference.
        results: what of its cells is finished in the folder: the pilot.
        cost: times what is not.
    """
    pilots = pilot_differences(plan, results)
    found = power.deviations(pilots)
    known = Deviations(**{**asdict(power.USUAL), **found})
    comparisons = max(1, _comparisons(plan))
    videos = len(plan.store.select("test"))
    splits = len(plan.store.split_names)
    lines = [
        f"To resolve {points:g} points: a true difference of that gets a star with a chance of "
        f"{power.POWER:.0%}, among {plural(comparisons, 'comparison')}, on {plural(videos, 'test video')} "
        "per split.",
        *_sources(known, found, len(pilots)),
    ]
    enough = list(power.designs(points, known, comparisons, videos, splits))
    if not enough:
        least = power.least_points(known, comparisons, videos, splits)
        most = f"up to {plural(splits, 'split')}, {power.MOST_SEEDS} seeds and {power.NETWORKS[-1]} networks"
        could = "nothing" if least is None else f"no less than {least:g} points"
        return [*lines, f"They cannot be resolved here: {most} resolve {could}. More test videos help."]
    seconds = _seconds(plan, results, cost)
    costs = sorted(((_cost(design, seconds), design) for design in enough), key=lambda one: one[0])
    lines += ["", markdown([_line(design, total) for total, design in costs], texts=0)]
    lines += [f"not timed: {reason}" for reason in cost.problems]
    (total, best), jobs = costs[0], plan.options.jobs
    at_once = f", {duration(total / jobs)} with {jobs} jobs" if jobs > 1 else ""
    lines.append(
        f"The cheapest: {plural(best.splits, 'split')}, {plural(best.seeds, 'seed')}, "
        f"{plural(best.networks, 'network')} per set, {duration(total)} of work{at_once}, what is finished "
        "included. One split says nothing of others."
    )
    return lines


def pilot_differences(plan: Plan, results: Mapping[Cell, Result]) -> list[dict[Pair, list[float]]]:
    """The differences of single networks, in points, of each comparison of which something is finished."""
    pilots = []
    for cell, rival in _compared(plan):
        for network in cell.networks:
            ours, theirs = (results[one].judged.get(network, {}) for one in (cell, rival))
            pilot = {
                pair: differences
                for pair in ours.keys() & theirs.keys()
                if (differences := _by_network(ours[pair], theirs[pair], plan.options.metric))
            }
            pilots += [pilot] if pilot else []
    return pilots


def _by_network(ours: Record, theirs: Record, metric: str) -> list[float]:
    columns = (record["top1" if metric == "top1" else "top5"]["values"] for record in (ours, theirs))
    return [100 * (a - b) for a, b in zip(*columns, strict=False) if a is not None and b is not None]


def _compared(plan: Plan) -> list[tuple[Cell, Cell]]:
    """Every cell with each that it is compared with."""
    pairs = []
    for cell in plan.cells:
        column = [one for one in plan.cells if one.column == cell.column]
        for name in plan.options.against or BENCHMARKS[plan.name].against:
            rivals = column[:1] if name == FIRST else [one for one in column if one.row == name]
            pairs += [(cell, rival) for rival in rivals if rival.row != cell.row]
    return pairs


def _comparisons(plan: Plan) -> int:
    return sum(len(cell.networks) for cell, _ in _compared(plan))


def _sources(known: Deviations, found: Mapping[str, float], pilots: int) -> list[str]:
    """The deviations, and where they are from."""
    shown = {name: f"{WORDS[name]} {value:.1f}" for name, value in asdict(known).items()}
    measured = [text for name, text in shown.items() if name in found]
    assumed = [text for name, text in shown.items() if name not in found]
    lines = []
    if measured:
        lines.append(
            f"Deviations of differences, in points, from {plural(pilots, 'comparison')} in the folder: "
            + ", ".join(measured)
            + "."
        )
    if assumed:
        lines.append(f"Assumed, for nothing in the folder tells them: {', '.join(assumed)}.")
    return lines


def _seconds(plan: Plan, results: Mapping[Cell, Result], cost: Cost) -> Seconds:
    """From what is finished, and timed here and now where nothing is."""
    condensing = evaluating = 0.0
    for cell, tasks in plan.tasks(plan.cells).items():
        made, judged = results[cell].made.values(), results[cell].judged
        records = [record for network in cell.networks for record in judged.get(network, {}).values()]
        if made:
            condensing += statistics.fmean(one.seconds for one in made)
        if records:
            each = statistics.fmean(record["seconds"] / record["networks"] for record in records)
            evaluating += each * len(cell.networks)
        if (cell.recipe and not made) or (cell.networks and not records):
            timed = _timed(next(iter(tasks.values())), cost, plan)
            condensing += 0.0 if made else timed[0]
            evaluating += 0.0 if records else timed[1]
    return condensing, evaluating


def _timed(task: Task, cost: Cost, plan: Plan) -> Seconds:
    before = cost.condensing, cost.evaluating
    cost.add([task], plan.store.path)
    return cost.condensing - before[0], (cost.evaluating - before[1]) / plan.options.networks


def _cost(design: Design, seconds: Seconds) -> float:
    return design.splits * design.seeds * (seconds[0] + design.networks * seconds[1])


def _line(design: Design, seconds: float) -> Line:
    return {
        "splits": design.splits,
        "seeds": design.seeds,
        "networks per set": design.networks,
        "hours": seconds / 3600,
    }
