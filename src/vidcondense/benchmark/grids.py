"""The benchmarks, each with its cells: small pure functions from the user's choices to a list of cells."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import parse_bytes
from vidcondense.benchmark.cell import WHOLE, Cell, Choices, label, published_name
from vidcondense.benchmark.published import INITIAL_KEY_FRAMES, NETWORK, VPCS

FIRST = ""
BASELINES = (label("random"), label("dm"))
PAPER = ("random", "herding", "k_center", "dm", "wang", "prism")
CODED = ("real_clips", "random", "herding", "k_center", "every_video")
"""Real clips in a video codec: as anyone would keep them, and in our files."""
BUDGETS = ("8KB", "16KB", "32KB", "64KB", "128KB", "256KB", "512KB", "1MB")
STEPS = (360, 90, 180, 720)
"""Of training: first those of all budgets, then those of the budget in the middle."""
CONTROLS = ("random", "herding", "class_mean", "still")
"""What learns nothing, and says what learning is worth."""
LEARNED = ("dc", "frepo", "repeated_frame", "prism_gradient", "prism_frepo")
ARCHITECTURES = ("minic3d", "cnn_gru", "cnn_lstm", "r2plus1d_18", "video_transformer")

Cells = Callable[[Choices], list[Cell]]
Variant = tuple[str, str, tuple[str, ...]]
"""Key of the published figure, empty for none; row, empty for the method's name; overrides."""

ABLATION: tuple[Variant, ...] = (
    ("full", "", ()),
    ("no-insertion", "A: without insertion", ("insertion.kind=none",)),
    ("random-position", "B: random position", ("insertion.kind=random",)),
    ("l2", "C: L2 distance", ("insertion.kind=l2_above", "insertion.threshold=0.141")),
    ("no-warm-up", "D: without warm-up", ("insertion.warm_up=0.0",)),
    ("no-cool-down", "D: without cool-down", ("insertion.cool_down=0.0",)),
)
"""PRISM Table 5."""

INSERTION = {
    "as the recipe has it": (),
    **{f"threshold {value:g}": (f"insertion.threshold={value}",) for value in (-0.2, -0.1, -0.05, 0.05, 0.1)},
    **{
        f"warm-up and cool-down {value:.0%}": (f"insertion.warm_up={value}", f"insertion.cool_down={value}")
        for value in (0.1, 0.15, 0.2, 0.3)
    },
    "every candidate at once": ("insertion.select=all",),
    "L2 distance below 0.141": ("insertion.kind=l2_below", "insertion.threshold=0.141"),
    "against all key frames": ("insertion.compare=all",),
    "interpolation detached": ("synthetic.interpolation_gradient=detached",),
    "interpolation through": ("synthetic.interpolation_gradient=through",),
}
"""What the papers leave open: overrides by row."""


@dataclass(frozen=True)
class Benchmark:
    """One table or figure.

    Attributes:
        cells: what is measured; its docstring is what `--list` says.
        title: what the page is called.
        against: rows that every row is compared with, pairwise by split and seed; `FIRST` is the first row.
        figures: the benchmark whose published figures are shown.
    """

    cells: Cells
    title: str
    against: tuple[str, ...]
    figures: str

    @property
    def summary(self) -> str:
        """One line for `--list`."""
        text = self.cells.__doc__ or ""
        return text[0].lower() + text.partition("\n")[0][1:].rstrip(".")


BENCHMARKS: dict[str, Benchmark] = {}


def _benchmark(title: str, against: tuple[str, ...] = (), figures: str = "") -> Callable[[Cells], Cells]:
    """Enter a function of cells into the table of benchmarks."""

    def enter(cells: Cells) -> Cells:
        name = cells.__name__.strip("_").replace("_", "-")
        BENCHMARKS[name] = Benchmark(cells, title, against, figures or name)
        return cells

    return enter


@_benchmark("Accuracy by method and videos per class", BASELINES)
def accuracy(choices: Choices) -> list[Cell]:
    """Methods by videos per class, and the whole dataset (PRISM Table 1)."""
    methods = choices.methods or (*PAPER, WHOLE)
    cells = [
        choices.cell(method, f"VPC {vpc}", vpc)
        for method in methods
        if method != WHOLE
        for vpc in choices.vpc or VPCS
    ]
    return cells + ([choices.cell(WHOLE, "all", 0)] if WHOLE in methods else [])


@_benchmark("Storage")
def storage(choices: Choices) -> list[Cell]:
    """Size in MiB as the papers count, in bytes on disk (PRISM Table 2); by formula alone without a STORE."""
    return _not_judged(accuracy(replace(choices, methods=choices.methods or PAPER)))


@_benchmark("Accuracy by evaluation network", BASELINES)
def cross_architecture(choices: Choices) -> list[Cell]:
    """Condensed with one network, judged by others (PRISM Table 3)."""
    chosen = replace(choices, network=choices.network or ARCHITECTURES)
    return [
        replace(
            chosen.cell(method, _vpc(vpc, choices), vpc),
            reference=(published_name(method), NETWORK) if vpc == 1 else None,
        )
        for method in chosen.methods or ("random", "dm", "wang", "prism")
        if method != WHOLE
        for vpc in choices.vpc or (1,)
    ]


@_benchmark("Number of initial key frames", (FIRST,))
def initial_frames(choices: Choices) -> list[Cell]:
    """How many key frames a video starts with (PRISM Table 4)."""
    counts = [count for count in INITIAL_KEY_FRAMES if count <= choices.frames]
    rows = [(f"{count} key frames", (f"synthetic.initial_key_frames={count}",)) for count in counts]
    return _variants(choices, "prism", [(row, row, overrides) for row, overrides in rows])


@_benchmark("Ablation", (FIRST,))
def ablation(choices: Choices) -> list[Cell]:
    """Insertion taken out or replaced (PRISM Table 5, A to D)."""
    return _variants(choices, "prism", ABLATION)


@_benchmark("Choices of insertion", (FIRST,))
def insertion(choices: Choices) -> list[Cell]:
    """What the papers leave open about insertion, one choice at a time."""
    return _variants(choices, "prism", [("", row, overrides) for row, overrides in INSERTION.items()])


@_benchmark("N_syn, N_real, K, interpolation", (FIRST,))
def taxonomy(choices: Choices) -> list[Cell]:
    """Synthetic frames, real frames, segments, interpolation (Wang et al.)."""
    frames = choices.frames
    counts = [frames, *(count for count in (16, 8, 4, 2, 1) if count < frames)]
    few = counts[1] if len(counts) > 1 else frames
    settings = [(count, frames, 1, "linear") for count in counts]
    settings += [(count, count, 1, "linear") for count in counts[1:]]
    settings += [(few, frames, segments, "linear") for segments in (2, 4) if few % segments == 0]
    settings += [(few, frames, 1, kind) for kind in ("nearest", "smooth")]
    rows = [
        (
            "",
            f"{synthetic}, {real}, {segments}, {kind}",
            (
                f"synthetic.initial_key_frames={synthetic}",
                f"objective.real_frames={0 if real == frames else real}",
                f"synthetic.segments={segments}",
                f"synthetic.interpolation={kind}",
            ),
        )
        for synthetic, real, segments, kind in dict.fromkeys(settings)
    ]
    return _variants(choices, "segments", rows)


@_benchmark("Class-mean optical flow")
def flow(choices: Choices) -> list[Cell]:
    """Class-mean optical flow, real above condensed, and its end-point error (PRISM Figure 3)."""
    methods = choices.methods or ("random", "dm", "prism")
    return _not_judged(accuracy(replace(choices, methods=methods, vpc=choices.vpc[:1] or (5,))))


@_benchmark("Classes told from motion alone")
def motion(choices: Choices) -> list[Cell]:
    """Share of clips whose class is recognised from motion alone; real and still clips beside."""
    return flow(choices)


@_benchmark("Video retrieval")
def retrieval(choices: Choices) -> list[Cell]:
    """Recall (R@1, R@5, R@10) of test among training videos, by features learned from condensed sets."""
    methods = choices.methods or ("random", "dm", "wang", "prism")
    return _not_judged(accuracy(replace(choices, methods=methods, vpc=choices.vpc or (1,))))


@_benchmark("Frames that are kept")
def frames(choices: Choices) -> list[Cell]:
    """Which positions are kept, and when they were inserted (PRISM supplement D)."""
    chosen = replace(choices, vpc=choices.vpc[:1] or (1,))
    shown = [variant for variant in ABLATION if variant[0] in ("full", "no-warm-up", "no-cool-down")]
    cells = _not_judged(_variants(chosen, "prism", shown))
    return [replace(cell, reference=None) for cell in cells]


@_benchmark("Accuracy against bytes and time", BASELINES, figures="accuracy")
def tradeoff(choices: Choices) -> list[Cell]:
    """Accuracy against bytes and time, and over random selection at equal bytes."""
    methods = choices.methods or (*PAPER, *LEARNED, WHOLE)
    return accuracy(replace(choices, methods=methods, vpc=choices.vpc or (1,)))


@_benchmark("Accuracy against bytes of the file", tuple(map(label, CODED[:-1])))
def bytes_(choices: Choices) -> list[Cell]:
    """Accuracy against bytes and training steps: condensed sets, real clips in a video codec, a network."""
    methods = choices.methods or (*CODED, "dm", "prism", "displaced", "random_soft", "displaced_soft", WHOLE)
    budgets = choices.budgets or BUDGETS
    first, *others = choices.steps or (STEPS if choices.protocol == "strong" else (0,))
    middle = budgets[(len(budgets) - 1) // 2]
    conditions = [(budget, budget, first) for budget in budgets]
    conditions += [(f"{middle}, {steps} steps", middle, steps) for steps in others]
    cells = [
        replace(choices.cell(method, column, 0, overrides=coded(budget)), steps=steps, reference=None)
        for method in methods
        if method != WHOLE
        for column, budget, steps in conditions
    ]
    if WHOLE in methods:
        cells.append(replace(choices.cell(WHOLE, "all", 0), steps=first, reference=None))
    return cells


def coded(budget: str) -> tuple[str, str]:
    """Overrides that fill so many bytes with coded video."""
    return "storage=av1", f"budget={parse_bytes(budget, '--budgets')}"


@_benchmark("Comparison", (FIRST,))
def grid(choices: Choices) -> list[Cell]:
    """A table of your own, from --cell LABEL=ARGUMENTS.

    Raises:
        VidcondenseError: no cell, or arguments that are not understood.
    """
    if not choices.cells:
        raise VidcondenseError('grid needs cells, such as --cell "PRISM=--recipe prism_small --vpc 1"')
    cells = [_parsed(text, choices) for text in choices.cells]
    rows = [cell.row for cell in cells]
    for row in rows:
        if rows.count(row) > 1:
            raise VidcondenseError(f"--cell {row}: two cells have this label")
    return cells


def with_controls(cells: Sequence[Cell], choices: Choices) -> list[Cell]:
    """Cells with those of CONTROLS and the whole dataset that a table of accuracies lacks, in each column.

    Where a column has cells of several numbers of videos per class, controls have the smallest. The user's
    overrides are for methods: they would make something else of a control.
    """
    judged = [cell for cell in cells if cell.networks and not cell.fitted]
    columns: dict[str, int] = {}
    for cell in judged:
        if cell.recipe:
            columns[cell.column] = min(cell.vpc, columns.get(cell.column, cell.vpc))
    if not choices.controls or not columns:
        return list(cells)
    there = {(cell.row, cell.column) for cell in cells} | {(cell.recipe, cell.column) for cell in cells}
    plain = replace(choices, overrides=(), network=judged[0].networks)
    added = [
        replace(plain.cell(method, column, vpc), reference=None)
        for method in CONTROLS
        for column, vpc in columns.items()
        if not {(method, column), (label(method), column)} & there
    ]
    if all(cell.recipe for cell in cells):
        whole = replace(choices, network=judged[0].networks).cell(WHOLE, "all", 0)
        alone = columns.keys() == {""}
        added.append(replace(whole, column="" if alone else whole.column, reference=None))
    return [*cells, *added]


def _not_judged(cells: Sequence[Cell]) -> list[Cell]:
    """Condensed sets alone, of which no network is trained."""
    return [replace(cell, networks=()) for cell in cells if cell.recipe]


def _parsed(text: str, choices: Choices) -> Cell:
    row, separator, rest = text.partition("=")
    words = shlex.split(rest)
    pairs = list(zip(words[::2], words[1::2], strict=False))
    known = {"--recipe", "--vpc", "--dataset", "--set"}
    if not separator or not row or len(words) % 2 or not {key for key, _ in pairs} <= known:
        raise VidcondenseError(
            f"--cell wants LABEL=ARGUMENTS with --recipe, --vpc, --dataset and --set, each with a value, "
            f"not {text!r}"
        )
    values = {"--recipe": "", "--vpc": "1", **dict(pairs)}
    if not values["--vpc"].isdecimal():
        raise VidcondenseError(f"--cell {row}: --vpc is a number, not {values['--vpc']!r}")
    if not values["--recipe"]:
        raise VidcondenseError(f"--cell {row}: it names no --recipe")
    literal = replace(choices, small=False)  # a recipe that is named is the one that is meant
    overrides = [value for key, value in pairs if key == "--set"]
    cell = literal.cell(values["--recipe"], "", int(values["--vpc"]), row=row, overrides=overrides)
    return replace(cell, row=row, column="", dataset=values.get("--dataset", cell.dataset), reference=None)


def _variants(choices: Choices, method: str, variants: Sequence[Variant]) -> list[Cell]:
    """A row per variant of `method` or of the user's methods, whose rows then have their names in them.

    The papers have their figures of variants of PRISM at VPC 1 alone.
    """
    cells = []
    for chosen in choices.methods or (method,):
        own = published_name(chosen) == method
        for key, row, overrides in variants:
            title = (row if own else ", ".join(filter(None, (label(chosen), row)))) or label(chosen)
            for vpc in choices.vpc or (1,):
                cell = choices.cell(chosen, _vpc(vpc, choices), vpc, row=title, overrides=overrides)
                reference = (key, "top-1") if key and own and vpc == 1 else None
                cells.append(replace(cell, reference=reference))
    return cells


def _vpc(vpc: int, choices: Choices) -> str:
    """A column for each VPC, or a single one without a name."""
    return f"VPC {vpc}" if len(choices.vpc) > 1 else ""
