"""Planning: deviations are found again in simulated pilots, and designs have the power that they promise."""

from dataclasses import replace

import numpy as np
import pytest

from vidcondense.benchmark.statistics import judged, paired
from vidcondense.benchmark.statistics.power import (
    POWER,
    Design,
    Deviations,
    designs,
    deviations,
    least_points,
    power,
)
from vidcondense.benchmark.statistics.significance import pairs_needed

KNOWN = Deviations(split=0.5, condensed_set=1.5, network=2.0)
VIDEOS = 5000


def drawn(design: Design, known: Deviations, points: float, seed: int) -> dict[tuple[str, int], list[float]]:
    """Differences of single networks, with a true mean of `points`."""
    rng = np.random.default_rng(seed)
    of_splits = rng.normal(points, known.split, design.splits)
    sets = rng.normal(of_splits[:, None], known.condensed_set, (design.splits, design.seeds))
    single = rng.normal(sets[..., None], known.network, (*sets.shape, design.networks))
    return {(str(i), j): single[i, j].tolist() for i, j in np.ndindex(sets.shape)}


def test_deviations_are_found_again() -> None:
    pilots = [drawn(Design(8, 6, 3), Deviations(4.0, 2.0, 3.0), 1.0, seed) for seed in range(40)]
    assert deviations(pilots) == pytest.approx({"split": 4.0, "condensed_set": 2.0, "network": 3.0}, rel=0.1)


def test_what_a_pilot_cannot_tell_is_left_out() -> None:
    assert deviations([]) == {}
    assert deviations([{("1", 0): [1.0]}]) == {}
    assert deviations([{("1", 0): [1.0, 3.0]}]) == {"network": pytest.approx(2**0.5)}
    assert deviations([{("1", 0): [1.0], ("1", 1): [3.0]}]) == {"condensed_set": pytest.approx(2**0.5)}
    alike = {("1", 0): [1.0, 9.0], ("1", 1): [5.0, 5.0]}  # networks explain more than there is
    assert deviations([alike])["condensed_set"] == 0.0


@pytest.mark.parametrize("design", [Design(1, 8, 2), Design(1, 12, 3), Design(3, 4, 3), Design(4, 3, 2)])
def test_power_is_that_of_simulated_tables(design: Design) -> None:
    known = replace(KNOWN, split=KNOWN.split if design.splits > 1 else 0.0)
    starred, times = 0, 200
    for number in range(times):
        ours = {pair: float(np.mean(line)) for pair, line in drawn(design, known, 2.0, number).items()}
        made = paired(ours, dict.fromkeys(ours, 0.0), VIDEOS * design.splits)
        starred += judged([made], None)[0].starred
    assert starred / times == pytest.approx(power(design, 2.0, known, 1, VIDEOS), abs=0.12)


def test_too_few_pairs_or_test_videos_have_no_power() -> None:
    enough = pairs_needed(10)
    assert power(Design(1, enough - 1, 10), 40.0, KNOWN, 10, VIDEOS) == 0.0
    assert power(Design(1, enough, 10), 40.0, KNOWN, 10, VIDEOS) > 0.9
    assert power(Design(1, 100, 10), 2.0, KNOWN, 1, 40) < 0.5 < power(Design(1, 100, 10), 2.0, KNOWN, 1, 4000)
    assert power(Design(1, 20, 1), 2.0, KNOWN, 1, VIDEOS) < power(Design(1, 20, 5), 2.0, KNOWN, 1, VIDEOS)


def test_designs_are_the_smallest_that_resolve() -> None:
    found = list(designs(2.0, KNOWN, 2, VIDEOS, 4))
    assert {design.splits for design in found} >= {1, 4}
    for design in found:
        assert power(design, 2.0, KNOWN, 2, VIDEOS) >= POWER
        assert power(replace(design, seeds=design.seeds - 1), 2.0, KNOWN, 2, VIDEOS) < POWER
    assert list(designs(2.0, KNOWN, 2, 40, 1)) == []


def test_the_least_difference_shrinks_with_the_test_set() -> None:
    few, many = (least_points(KNOWN, 1, videos, 1) for videos in (100, 10_000))
    assert few is not None and many is not None and many < 2 < few
    assert list(designs(few, KNOWN, 1, 100, 1)) and not list(designs(few - 0.5, KNOWN, 1, 100, 1))
