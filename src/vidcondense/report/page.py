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
from vidcondense.report.animation import sheets
from vidcondense.report.charts import Chart, ScoreScale, insertions_chart, losses_chart
from vidcondense.report.clips import Clips, clip_data, clips_of
from vidcondense.report.run import Evaluation, Run, Share, load_runs, readable
from vidcondense.report.summary import baseline_of, common_chance, main_run, results_of, verdict_on

# Bytes of pictures in a page over all its runs: a third more in base64, so that pages stay below some 9 MB.
PICTURE_BUDGET = 6_300_000
MOST_MISTAKES = 3


@dataclass(frozen=True)
class Section:
    """What a page shows of one run; parts that it does not have are None or empty.

    Attributes:
        run: the run.
        clips: the cards of its videos.
        growth: when and where key frames were inserted.
        loss: its losses over the iterations.
        baseline: random selection's evaluation to hold its own against.
        best_classes: (name, accuracy as a fraction), best first.
        class_names: what the rows of the confusion matrix are called.
        mistakes: the commonest (share of the true class, true class, predicted class).
        provenance: (title, its facts as names and values).
    """

    run: Run
    clips: Clips | None
    growth: Chart | None
    loss: Chart | None
    baseline: Evaluation | None
    best_classes: Sequence[tuple[str, float]]
    class_names: Sequence[str]
    mistakes: Sequence[tuple[float, str, str]]
    provenance: Sequence[tuple[str, Sequence[tuple[str, str]]]]

    @classmethod
    def of(cls, run: Run, runs: Sequence[Run], clips: Clips | None) -> "Section":
        """All about `run`, held against the others; `clips` are its videos."""
        per_class = run.evaluation.per_class if run.evaluation else {}
        names = _class_names(run)
        return cls(
            run=run,
            clips=clips,
            growth=_growth(run),
            loss=losses_chart(run.metrics.losses, run.iterations or 0)
            if len(run.metrics.losses) > 1
            else None,
            baseline=baseline_of(run, runs),
            best_classes=sorted(per_class.items(), key=lambda item: (-item[1], item[0])),
            class_names=names,
            mistakes=commonest_mistakes(run.evaluation.confusion, names) if run.evaluation else (),
            provenance=_provenance(run),
        )


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
    budget = PICTURE_BUDGET // max(1, sum(run.condensed is not None for run in runs))
    sections: list[Section] = []
    data: list[dict[str, Any] | None] = []
    for run in runs:
        clips = drawn = None
        if run.condensed is not None:
            pictures = sheets(run.condensed, budget)
            drawn = clip_data(run.condensed, pictures, run.inserted)
            clips = clips_of(run.condensed, pictures, run.inserted)
        data.append(drawn)
        sections.append(Section.of(run, runs, clips))
    results, chance, main = results_of(everything), common_chance(everything), main_run(runs)
    scores = [evaluation.top1 for _, evaluation in results if evaluation and evaluation.top1]
    script = _resource("page.js")
    return (
        _templates()
        .get_template("page.html.jinja")
        .render(
            main=main,
            baseline=baseline_of(main, runs),
            verdict=verdict_on(main, runs),
            results=results,
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
    )


def script_json(value: object) -> str:
    """JSON that can stand in a script element: no text in it can close the element or open a comment."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def commonest_mistakes(
    counts: Sequence[Sequence[float]], names: Sequence[str]
) -> list[tuple[float, str, str]]:
    """The commonest by their share of the true class: (share, true class, predicted class)."""
    mistakes = [
        (count / sum(row), names[true], names[predicted])
        for true, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if predicted != true and count
    ]
    return sorted(mistakes, reverse=True)[:MOST_MISTAKES]


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
        share=lambda fraction, digits=2: f"{100 * fraction:.{digits}f}%",
        spread=_unbroken(lambda score: units.spread(score.mean, score.std)),
        unbroken=_unbroken(str),
    )
    return templates


def _unbroken(say: Callable[..., str]) -> Callable[..., str]:
    """`say` with spaces at which no line is broken: a number stays with its unit."""
    return lambda *value: say(*value).replace(" ", "\N{NO-BREAK SPACE}")


def _growth(run: Run) -> Chart | None:
    events = run.metrics.insertions
    if not events or run.condensed is None:
        return None
    settings = run.recipe.get("insertion")
    settings = settings if isinstance(settings, Mapping) else {}
    warm_up, cool_down = (readable(settings.get(name), Share) or 0.0 for name in ("warm_up", "cool_down"))
    iterations = run.iterations or events[-1].iteration + 1
    return insertions_chart(events, run.condensed.frames, iterations, warm_up, cool_down)


def _class_names(run: Run) -> Sequence[str]:
    """Names for the rows of the confusion matrix, from whatever has as many."""
    if run.evaluation is None:
        return run.class_names
    count = len(run.evaluation.confusion)
    known = (run.class_names, tuple(run.evaluation.per_class))
    return next((names for names in known if len(names) == count), [f"class {i}" for i in range(count)])


def _provenance(run: Run) -> list[tuple[str, list[tuple[str, str]]]]:
    parts: list[tuple[str, Mapping[str, Any]]] = [
        ("Recipe", run.recipe),
        ("Run", {key: value for key, value in run.info.items() if key not in {"recipe", "store"}}),
        ("Real clips", run.store),
        ("Condensed file", run.provenance),
        *((f"Evaluation {evaluation.name}", evaluation.facts) for evaluation in run.evaluations),
    ]
    return [(title, list(dotted(values))) for title, values in parts if values]
