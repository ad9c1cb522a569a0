"""The papers' tables and figures on a user's own data: which benchmarks there are."""

from collections.abc import Callable
from dataclasses import dataclass

from vidcondense.benchmark import grids
from vidcondense.benchmark.cell import Cell, Choices, label


@dataclass(frozen=True)
class Benchmark:
    """One table or figure.

    Attributes:
        summary: one line for `--list`.
        cells: what is measured.
        against: rows that every row is compared with, pairwise by split and seed; `FIRST` is the first row.
        title: what the page is called.
        figures: the benchmark whose published figures are shown; empty for its own.
        needs_store: whether there is nothing to show without one.
        own_cells: whether its cells are the user's.
        equal_bytes: whether cells at the bytes of random selection are added.
    """

    summary: str
    cells: Callable[[Choices], list[Cell]]
    against: tuple[str, ...]
    title: str
    figures: str = ""
    needs_store: bool = True
    own_cells: bool = False
    equal_bytes: bool = False


FIRST = ""
BASELINES = (label("random"), label("dm"))

BENCHMARKS = {
    "accuracy": Benchmark(
        "methods by videos per class, and the whole dataset (PRISM Table 1)",
        grids.accuracy,
        BASELINES,
        "Accuracy by method and videos per class",
    ),
    "storage": Benchmark(
        "MiB as the papers count and bytes on disk (PRISM Table 2); without a STORE by formula alone",
        grids.storage,
        (),
        "Storage",
        needs_store=False,
    ),
    "cross-architecture": Benchmark(
        "condensed with one network, judged by others (PRISM Table 3)",
        grids.cross_architecture,
        BASELINES,
        "Accuracy by evaluation network",
    ),
    "initial-frames": Benchmark(
        "how many key frames a video starts with (PRISM Table 4)",
        grids.initial_frames,
        (FIRST,),
        "Number of initial key frames",
    ),
    "ablation": Benchmark(
        "insertion taken out or replaced (PRISM Table 5, A to D)", grids.ablation, (FIRST,), "Ablation"
    ),
    "insertion": Benchmark(
        "what the papers leave open about insertion, one choice at a time",
        grids.insertion,
        (FIRST,),
        "Choices of insertion",
    ),
    "taxonomy": Benchmark(
        "synthetic frames, real frames, segments, interpolation (Wang et al.)",
        grids.taxonomy,
        (FIRST,),
        "N_syn, N_real, K, interpolation",
    ),
    "flow": Benchmark(
        "class-mean optical flow, real above condensed, and its end-point error (PRISM Figure 3)",
        grids.flow,
        (),
        "Class-mean optical flow",
    ),
    "frames": Benchmark(
        "which positions are kept, and when they were inserted (PRISM supplement D)",
        grids.frames,
        (),
        "Frames that are kept",
    ),
    "tradeoff": Benchmark(
        "accuracy against bytes and time, and over random selection at equal bytes",
        grids.tradeoff,
        BASELINES,
        "Accuracy against bytes and time",
        figures="accuracy",
        equal_bytes=True,
    ),
    "grid": Benchmark(
        "a table of your own, from --cell LABEL=ARGUMENTS", grids.grid, (FIRST,), "Comparison", own_cells=True
    ),
}

__all__ = ["BASELINES", "BENCHMARKS", "FIRST", "Benchmark"]
