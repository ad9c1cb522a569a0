"""The command `vidcondense benchmark`: its arguments and help."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark import BENCHMARKS

Count = Annotated[int, arg(metavar="N")]
Name = Annotated[str, arg(metavar="NAME")]
OwnCounts = Annotated[
    tuple[int, ...], arg(metavar="N [N ...]", help_behavior_hint="(default: the benchmark's)")
]
OwnNames = Annotated[
    tuple[str, ...], arg(metavar="NAME [NAME ...]", help_behavior_hint="(default: the benchmark's)")
]
Texts = UseAppendAction[tuple[str, ...]]


def benchmark(
    name: Annotated[Positional[str], arg(metavar="NAME", help_behavior_hint="")] = "",
    store: Annotated[Positional[Path | None], arg(metavar="[STORE]", help_behavior_hint="")] = None,
    *,
    out: Annotated[
        Path | None, arg(metavar="FOLDER", help_behavior_hint="(required unless --dry-run)")
    ] = None,
    list: bool = False,
    dry_run: bool = False,
    methods: OwnNames = (),
    vpc: OwnCounts = (),
    seeds: Annotated[tuple[int, ...], arg(metavar="N [N ...]")] = (0,),
    splits: Annotated[tuple[str, ...], arg(metavar="NAME [NAME ...]")] = ("1",),
    network: OwnNames = (),
    networks: Count = 3,
    protocol: Literal["strict", "vdsd"] = "strict",
    metric: Literal["top1", "top5"] = "top1",
    set: Annotated[Texts, arg(metavar="[METHOD:]KEY=VALUE")] = (),
    recipes: Literal["auto", "published", "small"] = "auto",
    published: Annotated[str, arg(metavar="auto|none|all|DATASET")] = "auto",
    against: Annotated[Texts, arg(metavar="ROW")] = (),
    cell: Annotated[Texts, arg(metavar="LABEL=ARGUMENTS")] = (),
    evaluation_seed: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: the condensed set's)")
    ] = None,
    per_class: bool = False,
    clips: Count = 64,
    jobs: Count = 1,
    device: Annotated[str, arg(metavar="DEVICE")] = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
) -> None:
    """A table or figure of the papers on your data: condense, evaluate, compare; resumable cell by cell.

    FOLDER gets NAME.md, NAME.csv, NAME.json, a plot, and a run folder per cell under cells/. The same command
    goes on after Ctrl-C and repeats nothing. One FOLDER may serve several benchmarks of a store, which share
    cells.

    Args:
        name: Which one; see --list.
        store: A store made by `vidcondense prepare`; storage works without one.
        out: Folder for cells and results, made if it does not exist.
        list: Name all benchmarks with one line each, and stop.
        dry_run: Say which cells it would run, how long they may take and what they need, and stop.
        methods: Methods by name, such as random dm prism; or recipes by name or path; whole: all real clips.
        vpc: Videos per class.
        seeds: Seeds of condensing; several give intervals.
        splits: Splits of the store to condense and test on.
        network: Evaluation networks.
        networks: How many of each evaluation network are trained per condensed set.
        protocol: Evaluation protocol: strict; or vdsd, the rule of the published code.
        metric: Accuracy that tables show; the papers have top5 for Kinetics-400 and Something-Something V2.
        set: Override a recipe key in all cells, as in flip=0, or of one method, as in dm:iterations=200.
        recipes: published hyper-parameters, or small for short runs; auto: published from 16x112x112 up.
        published: Dataset that the store is (miniucf, hmdb51, kinetics400, ssv2), for the papers' figures
            beside yours; auto goes by the store's name; all also prints the others, for reference; none
            shows none.
        against: Row to compare every row with, pairwise; once per row.
        cell: A row of benchmark grid, such as "PRISM=--recipe prism_small --vpc 1"; once per row.
        evaluation_seed: One seed of evaluation for all condensed sets.
        per_class: Add accuracy and key frames of each class.
        clips: Most real clips per class that flow reads.
        jobs: Cells to run side by side, with one thread each where there are several.
        device: Where networks run: auto, cpu, cuda or cuda:N.
        precision: Precision of the networks; auto takes bfloat16 where the processor has it.
    """
    if list:
        width = max(map(len, BENCHMARKS))
        print("\n".join(f"{key:{width}}  {one.summary}" for key, one in BENCHMARKS.items()))
        return
    if not name:
        raise VidcondenseError(f"benchmark needs a NAME: {', '.join(BENCHMARKS)} (see --list)")
    from vidcondense.benchmark.options import Options
    from vidcondense.benchmark.run import run_benchmark

    options = Options(
        methods=methods,
        vpc=vpc,
        seeds=seeds,
        splits=splits,
        network=network,
        networks=networks,
        protocol=protocol,
        overrides=tuple(set),
        recipes=recipes,
        published=published,
        metric=metric,
        against=tuple(against),
        cells=tuple(cell),
        evaluation_seed=evaluation_seed,
        per_class=per_class,
        clips=clips,
        jobs=jobs,
        device=device,
        precision=precision,
    )
    page = run_benchmark(name, store, out, options, dry_run=dry_run)
    if page is not None:
        print(page)
