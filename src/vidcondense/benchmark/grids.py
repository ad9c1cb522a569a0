"""The cells of each benchmark: small pure functions from the user's choices to a list of cells."""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.cell import WHOLE, Cell, Choices, label, published_name
from vidcondense.benchmark.published import INITIAL_KEY_FRAMES, NETWORK, VPCS

TOLERANCE = 1.01
"""Equal bytes are equal to within this factor: learned labels add a little to every frame."""
PAPER = ("random", "herding", "k_center", "dm", "wang", "prism")
LEARNED = ("dc", "frepo", "repeated_frame", "prism_gradient", "prism_frepo")
ARCHITECTURES = ("minic3d", "cnn_gru", "cnn_lstm", "r2plus1d_18", "video_transformer")

NO_INSERTION = ("insertion.kind=none",)
ABLATION = (
    ("full", "", ()),
    ("no-insertion", "A: without insertion", NO_INSERTION),
    ("random-position", "B: random position", ("insertion.kind=random",)),
    ("l2", "C: L2 distance", ("insertion.kind=l2_above", "insertion.threshold=0.141")),
    ("no-warm-up", "D: without warm-up", ("insertion.warm_up=0.0",)),
    ("no-cool-down", "D: without cool-down", ("insertion.cool_down=0.0",)),
)
"""PRISM Table 5: key of the published figure, row, overrides."""

INSERTION = (
    ("as the recipe has it", ()),
    *(
        (f"threshold {value:g}", (f"insertion.threshold={value}",))
        for value in (-0.2, -0.1, -0.05, 0.05, 0.1)
    ),
    *(
        (
            f"warm-up and cool-down {value:.0%}",
            (f"insertion.warm_up={value}", f"insertion.cool_down={value}"),
        )
        for value in (0.1, 0.15, 0.2, 0.3)
    ),
    ("every candidate at once", ("insertion.select=all",)),
    ("L2 distance below 0.141", ("insertion.kind=l2_below", "insertion.threshold=0.141")),
    ("against all key frames", ("insertion.compare=all",)),
    ("interpolation detached", ("synthetic.interpolation_gradient=detached",)),
    ("interpolation through", ("synthetic.interpolation_gradient=through",)),
)
"""What the papers leave open: row, overrides."""


def accuracy(choices: Choices) -> list[Cell]:
    """PRISM Table 1: methods by videos per class."""
    methods = choices.methods or (*PAPER, WHOLE)
    cells = [
        choices.cell(method, f"VPC {vpc}", vpc)
        for method in methods
        if method != WHOLE
        for vpc in choices.vpc or VPCS
    ]
    return cells + ([choices.cell(WHOLE, "all", 0)] if WHOLE in methods else [])


def storage(choices: Choices) -> list[Cell]:
    """PRISM Table 2: as `accuracy`, without evaluation."""
    methods = choices.methods or PAPER
    cells = accuracy(replace(choices, methods=tuple(method for method in methods if method != WHOLE)))
    return [replace(cell, networks=()) for cell in cells]


def cross_architecture(choices: Choices) -> list[Cell]:
    """PRISM Table 3: condensed with one network, judged by others."""
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


def initial_frames(choices: Choices) -> list[Cell]:
    """PRISM Table 4: how many key frames a video starts with."""
    return [
        replace(
            choices.cell(
                method,
                _vpc(vpc, choices),
                vpc,
                row=_variant(method, f"{count} key frames"),
                overrides=(f"synthetic.initial_key_frames={count}",),
            ),
            reference=_reference(method, vpc, f"{count} key frames"),
        )
        for method in choices.methods or ("prism",)
        for count in INITIAL_KEY_FRAMES
        if count <= choices.frames
        for vpc in choices.vpc or (1,)
    ]


def ablation(choices: Choices, shown: Sequence[str] = ()) -> list[Cell]:
    """PRISM Table 5 A to D: the full method, then with one part taken out or replaced; all or some."""
    return [
        replace(
            choices.cell(method, _vpc(vpc, choices), vpc, row=_variant(method, row), overrides=overrides),
            reference=_reference(method, vpc, key),
        )
        for method in choices.methods or ("prism",)
        for key, row, overrides in ABLATION
        if not shown or key in shown
        for vpc in choices.vpc or (1,)
    ]


def insertion(choices: Choices) -> list[Cell]:
    """The answers to what the papers leave open about insertion, one changed at a time."""
    return [
        choices.cell(method, _vpc(vpc, choices), vpc, row=_variant(method, row), overrides=overrides)
        for method in choices.methods or ("prism",)
        for row, overrides in INSERTION
        for vpc in choices.vpc or (1,)
    ]


def taxonomy(choices: Choices) -> list[Cell]:
    """Wang et al.'s study: synthetic frames, real frames, segments, interpolation, one changed at a time."""
    frames = choices.frames
    counts = [frames, *(count for count in (16, 8, 4, 2, 1) if count < frames)]
    few = counts[1] if len(counts) > 1 else frames
    settings = [(count, frames, 1, "linear") for count in counts]
    settings += [(count, count, 1, "linear") for count in counts[1:]]
    settings += [(few, frames, segments, "linear") for segments in (2, 4) if few % segments == 0]
    settings += [(few, frames, 1, kind) for kind in ("nearest", "smooth")]
    return [
        choices.cell(
            method,
            _vpc(vpc, choices),
            vpc,
            row=("" if published_name(method) == "segments" else f"{label(method)}, ")
            + f"{synthetic}, {real}, {segments}, {kind}",
            overrides=(
                f"synthetic.initial_key_frames={synthetic}",
                f"objective.real_frames={0 if real == frames else real}",
                f"synthetic.segments={segments}",
                f"synthetic.interpolation={kind}",
            ),
        )
        for method in choices.methods or ("segments",)
        for synthetic, real, segments, kind in dict.fromkeys(settings)
        for vpc in choices.vpc or (1,)
    ]


def flow(choices: Choices) -> list[Cell]:
    """PRISM Figure 3: condensed sets whose optical flow is held against that of real clips."""
    methods = choices.methods or ("random", "dm", "prism")
    cells = accuracy(replace(choices, methods=methods, vpc=choices.vpc[:1] or (5,)))
    return [replace(cell, networks=()) for cell in cells if cell.recipe]


def frames(choices: Choices) -> list[Cell]:
    """PRISM supplement D: which frames are kept, with and without warm-up and cool-down."""
    chosen = replace(choices, vpc=choices.vpc[:1] or (1,))
    cells = ablation(chosen, shown=("full", "no-warm-up", "no-cool-down"))
    return [replace(cell, networks=(), reference=None) for cell in cells]


def tradeoff(choices: Choices) -> list[Cell]:
    """Every method at the same number of videos per class; `equal_bytes` adds those at the same bytes."""
    methods = choices.methods or (*PAPER, *LEARNED, WHOLE)
    return accuracy(replace(choices, methods=methods, vpc=choices.vpc or (1,)))


def grid(choices: Choices) -> list[Cell]:
    """A table of your own: each cell is a label and arguments of `vidcondense condense`.

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


def _parsed(text: str, choices: Choices) -> Cell:
    row, separator, rest = text.partition("=")
    words = shlex.split(rest)
    values: dict[str, list[str]] = {"--recipe": [], "--vpc": [], "--dataset": [], "--set": []}
    if not separator or not row or len(words) % 2 or any(word not in values for word in words[::2]):
        raise VidcondenseError(
            f"--cell wants LABEL=ARGUMENTS with --recipe, --vpc, --dataset and --set, each with a value, "
            f"not {text!r}"
        )
    for key, value in zip(words[::2], words[1::2], strict=True):
        values[key].append(value)
    vpc = (values["--vpc"] or ["1"])[-1]
    if not vpc.isdecimal():
        raise VidcondenseError(f"--cell {row}: --vpc is a number, not {vpc!r}")
    name = (values["--recipe"] or [""])[-1]
    if not name:
        raise VidcondenseError(f"--cell {row}: it names no --recipe")
    literal = replace(choices, small=False)  # a recipe that is named is the one that is meant
    cell = literal.cell(name, "", int(vpc), row=row, overrides=values["--set"])
    dataset = values["--dataset"][-1] if values["--dataset"] else cell.dataset
    return replace(cell, row=row, column="", dataset=dataset, reference=None)


def _vpc(vpc: int, choices: Choices) -> str:
    """A column for each VPC, or a single one without a name."""
    return f"VPC {vpc}" if len(choices.vpc) > 1 else ""


def _reference(method: str, vpc: int, row: str) -> tuple[str, str] | None:
    """Where the papers' figure of a variant of PRISM stands; they have it at VPC 1 alone."""
    return (row, "top-1") if published_name(method) == "prism" and vpc == 1 else None


def _variant(method: str, row: str) -> str:
    name = label(method)
    if not row:
        return name
    return row if published_name(method) == "prism" else f"{name}, {row}"


def affordable(sizes: dict[int, float], budget: float) -> tuple[int, bool]:
    """The most videos per class whose bytes stay within a budget, as far as known.

    Args:
        sizes: bytes by videos per class, as measured; infinite where a class has too few videos.
        budget: bytes.

    Returns:
        A number of videos per class, and whether it was measured. If not, measure it and ask again. 0 means
        that not even one fits.
    """
    best = max((vpc for vpc, size in sizes.items() if size <= budget), default=0)
    over = min((vpc for vpc, size in sizes.items() if size > budget), default=None)
    known = best or min(sizes)
    guess = int(budget / (sizes[known] / known) + 1e-9)
    guess = guess if over is None else min(guess, over - 1)
    return (guess, False) if guess > best else (best, True)


def equal_bytes(cells: Sequence[Cell], sizes: dict[tuple[str, int], float]) -> tuple[list[Cell], bool]:
    """For each budget, the bytes of random selection at its VPC, every method with what it affords.

    Args:
        cells: those of `tradeoff`.
        sizes: mean bytes of the condensed sets by (row, VPC), as measured.

    Returns:
        One cell per method and budget, and whether all numbers of videos are settled. If not, condense these
        cells and ask again.
    """
    made: list[Cell] = []
    settled = True
    for budget_cell in (cell for cell in cells if cell.row == label("random")):
        budget = sizes.get((budget_cell.row, budget_cell.vpc))
        if budget is None:
            continue
        for cell in (one for one in cells if one.column == budget_cell.column):
            known = {vpc: size for (row, vpc), size in sizes.items() if row == cell.row}
            if not any(size < float("inf") for size in known.values()):
                continue
            vpc, measured = affordable(known, TOLERANCE * budget)
            if vpc:
                column = f"bytes of Random at VPC {budget_cell.vpc}"
                made.append(replace(cell, column=column, vpc=vpc, reference=None))
                settled = settled and measured
    return made, settled
