"""Building the page: one HTML file that needs no network, from the templates beside this file."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from vidcondense.base import files, units
from vidcondense.base.versions import VERSION
from vidcondense.condensed.show import dotted
from vidcondense.report.beside import RealClip, real_clips
from vidcondense.report.charts import Chart, ScoreScale, bytes_chart, insertions_chart, losses_chart
from vidcondense.report.clips import Sheets, by_class, clip_data, is_blended, sheets
from vidcondense.report.failures import Failure, failures, store_of
from vidcondense.report.run import Evaluation, Run, Share, load_runs, readable
from vidcondense.report.sizes import sizes_of, source_bytes
from vidcondense.report.summary import (
    baseline_of,
    coded_rival,
    commonest_mistakes,
    main_run,
    points_of,
    results_of,
    verdict,
)

# Bytes of pictures in a page over all its runs: a third more in base64, so that pages stay below some 11 MB.
PICTURE_BUDGET = 6_300_000
# And of real clips beside them.
REAL_BUDGET = 1_500_000


@dataclass(frozen=True)
class Section:
    """A run, with what its part of the page shows beside what is in its folder.

    Attributes:
        pictures: its embedded frames, None without a condensed set.
        baseline: random selection's evaluation to hold its own against.
        real: a real clip to stand beside a synthetic one, by the number of the video.
    """

    run: Run
    pictures: Sheets | None
    baseline: Evaluation | None
    real: Mapping[int, RealClip]

    @property
    def is_learned(self) -> bool:
        """Whether pixels were moved to match what networks compute, so that clips may look like noise."""
        return bool(self.run.metrics.losses) and not self.run.coreset

    @property
    def learned(self) -> float:
        """Of each class's clips the share that is learned; the others are real clips."""
        settings = self.run.recipe.get("synthetic")
        share = readable(settings.get("learned"), Share) if isinstance(settings, Mapping) else None
        return 1.0 if share is None else share

    @property
    def clips(self) -> list[tuple[str | None, list[int]]]:
        """Headings, and the videos under each."""
        return by_class(self.run.condensed) if self.run.condensed else []

    @property
    def blended(self) -> bool:
        """Whether the page blends frames from others."""
        return self.run.condensed is not None and is_blended(self.run.condensed)

    @property
    def growth(self) -> Chart | None:
        """When and where key frames were inserted, and dropped again."""
        run, events, drops = self.run, self.run.metrics.insertions, self.run.metrics.drops
        if not events or run.condensed is None:
            return None
        settings = run.recipe.get("insertion")
        settings = settings if isinstance(settings, Mapping) else {}
        warm_up, cool_down = (readable(settings.get(name), Share) or 0.0 for name in ("warm_up", "cool_down"))
        iterations = run.iterations or events[-1].iteration + 1
        return insertions_chart(events, run.condensed.frames, iterations, warm_up, cool_down, drops)

    @property
    def loss(self) -> Chart | None:
        """The loss over the iterations."""
        losses = self.run.metrics.losses
        return losses_chart(losses, self.run.iterations or 0) if len(losses) > 1 else None

    @property
    def failures(self) -> list[Failure]:
        """The classes that it gets wrong most."""
        return failures(self.run)

    @property
    def confusion_names(self) -> Sequence[str]:
        """Names for the rows of the confusion matrix, from whatever has as many."""
        evaluation = self.run.evaluation
        count = len(evaluation.confusion) if evaluation else 0
        known = (self.run.class_names, tuple(evaluation.per_class) if evaluation else ())
        return next((names for names in known if len(names) == count), [f"class {i}" for i in range(count)])

    @property
    def provenance(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The title of each part, and its facts as names and values."""
        run = self.run
        parts: list[tuple[str, Mapping[str, Any]]] = [
            ("Recipe", run.recipe),
            ("Run", {key: value for key, value in run.info.items() if key not in {"recipe", "store"}}),
            ("Real clips", run.store),
            ("Condensed file", run.provenance),
            *((f"Evaluation {evaluation.name}", evaluation.facts) for evaluation in run.evaluations),
        ]
        return [(title, list(dotted(values))) for title, values in parts if values]


def write_report(runs: list[Path], out: Path) -> Path:
    """Write one self-contained HTML page about run folders.

    Args:
        runs: folders that condense (and evaluate) wrote; parts may be missing, the page then says so. Beside
            them, .json files of evaluations on a whole store.
        out: the HTML file; written whole or not at all.

    Returns:
        `out`.

    Raises:
        VidcondenseError: no runs, one is not a run folder or is damaged, or `out` cannot be written.
    """
    files.refuse_other(out, lambda begin: b"<!doctype html" in begin.lower(), "a report")
    page = build_page(load_runs(runs))
    files.make_folder(out.parent)
    files.write_bytes(out, page.encode(errors="replace"))
    return out


def build_page(everything: Sequence[Run]) -> str:
    """The page as text; an evaluation of a whole dataset is a row of the table and no more."""
    runs = [run for run in everything if not run.is_whole]
    holding = max(1, sum(run.condensed is not None for run in runs))
    sections: list[Section] = []
    data: list[dict[str, Any] | None] = []
    for run in runs:
        pictures = sheets(run.condensed, PICTURE_BUDGET // holding) if run.condensed else None
        data.append(clip_data(run.condensed, run.inserted) if run.condensed else None)
        real = real_clips(run, store_of(run.store), REAL_BUDGET // holding)
        sections.append(Section(run, pictures, baseline_of(run, runs), real))
    results, main = results_of(everything), main_run(runs)
    store = store_of(main.store)
    points, incomparable = points_of(main, everything, source_bytes(main, store))
    scores = [evaluation.top1 for _, evaluation in results if evaluation and evaluation.top1]
    of_one_size = len({len(run.class_names) for run in everything}) == 1
    chance = everything[0].chance if of_one_size else None
    script = _resource("page.js")
    page = _templates().get_template("page.html.jinja")
    return page.render(
        main=main,
        baseline=baseline_of(main, runs),
        coded=coded_rival(main, runs),
        results=results,
        sizes=sizes_of(main, runs, store),
        points=points,
        incomparable=incomparable,
        tradeoff=bytes_chart(points, main.chance) if points else None,
        stores=len({str(run.store.get("fingerprint")) for run in everything}),
        scale=ScoreScale.over(scores, chance) if scores else None,
        chance=chance,
        sections=sections,
        version=VERSION,
        style=Markup(_resource("page.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=Markup(script_json(data)),
    )


def script_json(value: object) -> str:
    """JSON that can stand in a script element: no text in it can close the element or open a comment."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _resource(name: str) -> str:
    return (package_files("vidcondense.report") / name).read_text(encoding="utf-8")


def _templates() -> Environment:
    """Templates in which every text is escaped, and filters that say numbers in words."""
    templates = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        duration=_unbroken(units.duration),
        grouped="{:,}".format,
        mebibytes=_unbroken(units.mebibytes),
        percent=_unbroken(units.percent),
        plural=units.plural,
        size=_unbroken(units.size),
        times=_unbroken(units.times),
        share=lambda fraction, digits=2: f"{100 * fraction:.{digits}f}%",
        spread=_unbroken(lambda score: units.spread(score.mean, score.std)),
        unbroken=_unbroken(str),
    )
    templates.globals.update(commonest_mistakes=commonest_mistakes, verdict=verdict)
    return templates


def _unbroken(say: Callable[..., str]) -> Callable[..., str]:
    """`say` with spaces at which no line is broken: a number stays with its unit."""
    return lambda *value: say(*value).replace(" ", "\N{NO-BREAK SPACE}")
