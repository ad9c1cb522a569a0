"""Rows of a table: what was measured for one cell and evaluation network, over splits and seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vidcondense.benchmark import FIRST
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.published import NETWORK, Published, heading_of
from vidcondense.benchmark.results import Judged, Made, Result
from vidcondense.benchmark.statistics import Difference, Pair, paired
from vidcondense.evaluation.results import mean_std

MEBIBYTE = 2**20


@dataclass(frozen=True)
class Row:
    """One line of the long table; accuracies in percent.

    Attributes:
        method: what was measured.
        column: under what condition; only rows of one column are compared.
        vpc: videos per class; 0 for all.
        recipe: name of the recipe; empty for the whole dataset.
        network: the evaluation network; empty where nothing is evaluated.
        made: condensed sets by split and seed.
        judged: evaluations by split and seed.
        against: differences by the row they are from.
        published: the papers' figures for the same entry.
    """

    method: str
    column: str
    vpc: int
    recipe: str
    network: str
    made: Mapping[Pair, Made]
    judged: Mapping[Pair, Judged]
    against: Mapping[str, Difference] = field(default_factory=dict)
    published: Sequence[Published] = ()

    @property
    def values(self) -> list[float]:
        """Accuracy of every network that trained."""
        return [value for one in self.judged.values() for value in one.values]

    @property
    def set_means(self) -> dict[Pair, float | None]:
        """Mean accuracy of each condensed set; None where no network trained."""
        return {pair: one.mean for pair, one in self.judged.items()}

    @property
    def accuracy(self) -> tuple[float | None, float | None]:
        """Mean and sample standard deviation over all networks that trained."""
        return mean_std(self.values)

    @property
    def diverged(self) -> int:
        """How many networks did not train."""
        return sum(one.diverged for one in self.judged.values())

    def mean_of(self, name: str) -> float | None:
        """Mean over the condensed sets of a field of `Made`."""
        values = [getattr(made, name) for made in self.made.values()]
        return mean_std([float(value) for value in values if value is not None])[0]

    def flat(self) -> dict[str, Any]:
        """As a line of the CSV and JSON files: plain numbers, None where there is none."""
        mean, std = self.accuracy
        stored = self.mean_of("stored_bytes")
        values: dict[str, Any] = {
            "method": self.method,
            "column": self.column,
            "vpc": self.vpc or None,
            "recipe": self.recipe,
            "network": self.network,
            "mean": mean,
            "std": std,
            "std_of_sets": mean_std([one for one in self.set_means.values() if one is not None])[1],
            "sets": len(self.made) or len(self.judged),
            "networks": sum(len(one.values) + one.diverged for one in self.judged.values()),
            "diverged": self.diverged,
            "key_frames": self.mean_of("key_frames"),
            "mib": None if stored is None else stored / MEBIBYTE,
            "stored_bytes": stored,
            "file_bytes": self.mean_of("file_bytes"),
            "seconds": self.mean_of("seconds"),
        }
        for name, difference in self.against.items():
            values |= {
                f"against {name}": difference.mean,
                f"against {name}, half width": difference.half_width,
                f"against {name}, pairs": difference.pairs,
                f"against {name}, left out": difference.left_out,
            }
        for one in self.published:
            values |= {heading_of(one): one.mean, f"{heading_of(one)}, std": one.std}
        return values


def build_rows(
    cells: Sequence[Cell],
    results: Mapping[Cell, Result],
    against: Sequence[str],
    figures: Callable[[str, str], Sequence[Published]],
) -> list[Row]:
    """The rows of all cells of which something is finished, with differences and published figures.

    Args:
        cells: in the order of the table.
        results: what they measured.
        against: rows to take differences from; `FIRST` is the first row of each column.
        figures: the papers' figures for a row and column of theirs.
    """
    several = len({network for cell in cells for network in cell.networks}) > 1
    rows = [
        (row, cell)
        for cell in cells
        for row in _rows_of(cell, results[cell], several)
        if row.made or row.judged
    ]
    everything = [row for row, _ in rows]
    return [
        replace(
            row,
            against=_differences(row, everything, against),
            published=_published(row.network, cell.reference, figures),
        )
        for row, cell in rows
    ]


def _rows_of(cell: Cell, result: Result, several: bool) -> list[Row]:
    if not cell.networks:
        return [Row(cell.row, cell.column, cell.vpc, cell.recipe, "", result.made, {})]
    return [
        Row(
            cell.row,
            ", ".join(filter(None, (cell.column, network if several else ""))),
            cell.vpc,
            cell.recipe,
            network,
            result.made,
            result.judged.get(network, {}),
        )
        for network in cell.networks
    ]


def _differences(row: Row, rows: Sequence[Row], against: Sequence[str]) -> dict[str, Difference]:
    rivals = {one.method: one for one in rows if (one.column, one.network) == (row.column, row.network)}
    names = dict.fromkeys(next(iter(rivals)) if name == FIRST else name for name in against)
    return {
        name: paired(row.set_means, rivals[name].set_means)
        for name in names
        if name in rivals and name != row.method and row.judged
    }


def _published(
    network: str, reference: tuple[str, str] | None, figures: Callable[[str, str], Sequence[Published]]
) -> Sequence[Published]:
    """The papers judge by miniC3D, but for the table that has a column per network."""
    if reference is None:
        return ()
    row, column = reference
    if column == NETWORK:
        return figures(row, network)
    return figures(row, column) if network in ("", "minic3d") else ()
