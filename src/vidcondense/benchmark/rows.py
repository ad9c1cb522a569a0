"""Rows of a table: what was measured for one cell and evaluation network, over splits and seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vidcondense.base.units import MEBIBYTE
from vidcondense.benchmark import FIRST
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.published import NETWORK, Published, heading_of
from vidcondense.benchmark.results import Judged, Made, Result
from vidcondense.benchmark.statistics import Difference, Pair, paired
from vidcondense.evaluation.results import mean_std


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
    def title(self) -> str:
        """Method and column."""
        return ", ".join(filter(None, (self.method, self.column)))

    @property
    def values(self) -> list[float]:
        """Accuracy of every network that trained."""
        return [value for judged in self.judged.values() for value in judged.values]

    @property
    def set_means(self) -> dict[Pair, float | None]:
        """Mean accuracy of each condensed set; None where no network trained."""
        return {pair: judged.mean for pair, judged in self.judged.items()}

    @property
    def accuracy(self) -> tuple[float | None, float | None]:
        """Mean and sample standard deviation over all networks that trained."""
        return mean_std(self.values)

    @property
    def std_of_sets(self) -> float | None:
        """Sample standard deviation of the means of condensed sets."""
        return mean_std([mean for mean in self.set_means.values() if mean is not None])[1]

    @property
    def sets(self) -> int:
        """How many condensed sets, or for the whole dataset how many evaluations."""
        return len(self.made) or len(self.judged)

    @property
    def diverged(self) -> int:
        """How many networks did not train."""
        return sum(judged.diverged for judged in self.judged.values())

    @property
    def networks(self) -> int:
        """How many networks were trained, with those that diverged."""
        return len(self.values) + self.diverged

    @property
    def mib(self) -> float | None:
        """MiB of float32 values, mean over condensed sets."""
        stored = self.mean_of("stored_bytes")
        return None if stored is None else stored / MEBIBYTE

    def mean_of(self, name: str) -> float | None:
        """Mean over the condensed sets of a field of `Made`."""
        values = [getattr(made, name) for made in self.made.values()]
        return mean_std([float(value) for value in values if value is not None])[0]

    def flat(self) -> dict[str, Any]:
        """As a line of the CSV and JSON files: plain numbers, None where there is none."""
        mean, std = self.accuracy
        values: dict[str, Any] = {
            "method": self.method,
            "column": self.column,
            "vpc": self.vpc or None,
            "recipe": self.recipe,
            "network": self.network,
            "mean": mean,
            "std": std,
            "std_of_sets": self.std_of_sets,
            "sets": self.sets,
            "networks": self.networks,
            "diverged": self.diverged,
            "key_frames": self.mean_of("key_frames"),
            "mib": self.mib,
            "stored_bytes": self.mean_of("stored_bytes"),
            "file_bytes": self.mean_of("file_bytes"),
            "seconds": self.mean_of("seconds"),
        }
        for name, difference in self.against.items():
            column = f"against {name}"
            values[column] = difference.mean
            values[f"{column}, half width"] = difference.half_width
            values[f"{column}, pairs"] = difference.pairs
            values[f"{column}, left out"] = difference.left_out
        for figure in self.published:
            column = heading_of(figure)
            values[column] = figure.mean
            values[f"{column}, std"] = figure.std
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
    measured = [
        (row, cell)
        for cell in cells
        for row in _rows_of(cell, results[cell], several)
        if row.made or row.judged
    ]
    rows = [row for row, _ in measured]
    return [
        replace(
            row,
            against=_differences(row, rows, against),
            published=_published(row.network, cell.reference, figures),
        )
        for row, cell in measured
    ]


def _rows_of(cell: Cell, result: Result, several: bool) -> list[Row]:
    """A row per evaluation network, named in the column where there are several; one where there is none."""
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
        for network in cell.networks or ("",)
    ]


def _differences(row: Row, rows: Sequence[Row], against: Sequence[str]) -> dict[str, Difference]:
    rivals = {
        rival.method: rival for rival in rows if (rival.column, rival.network) == (row.column, row.network)
    }
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
