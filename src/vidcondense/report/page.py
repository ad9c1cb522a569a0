"""Building the page: one HTML file that needs no network, from templates beside this file."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files as package_files
from pathlib import Path
from string import Template
from typing import Any

from vidcondense.base import files
from vidcondense.base.versions import VERSION
from vidcondense.condensed import CondensedVideos
from vidcondense.report.animation import is_blended, sheets
from vidcondense.report.charts import insertions_chart, losses_chart
from vidcondense.report.classes import accuracy_bars, confusion_table, most_confused
from vidcondense.report.clips import clip_data, clip_section
from vidcondense.report.markup import Markup, esc, join, percent, plural, tag
from vidcondense.report.run import Evaluation, Run, load_runs, number
from vidcondense.report.summary import baseline_of, chance, comparison, headline, main_run

# Bytes of pictures in a page over all its runs: a third more in base64, so that pages stay below some 9 MB.
PICTURE_BUDGET = 6_300_000


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
    sections: list[Markup] = []
    data: list[dict[str, Any] | None] = []
    for index, run in enumerate(runs):
        clips: Markup | None = None
        data.append(None)
        if run.condensed is not None:
            drawn = sheets(run.condensed, budget)
            data[index] = clip_data(run.condensed, drawn, run.inserted)
            clips = _clips(run, run.condensed, index, drawn.lossless)
        sections.append(_run_section(run, index, clips, baseline_of(run, runs), several=len(runs) > 1))
    script = _resource("page.js")
    shown = main_run(runs)
    return Template(_resource("page.html")).substitute(
        title=esc(f"{shown.dataset}, {shown.recipe_name} · vidcondense"),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=_resource("page.css"),
        headline=headline(runs),
        comparison=comparison(everything),
        tabs=_tabs(runs),
        sections=join(sections),
        version=esc(VERSION),
        data=script_json(data),
        script=script,
    )


def script_json(value: object) -> str:
    """JSON that can stand in a script element: no text in it can close the element or open a comment."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _resource(name: str) -> str:
    return (package_files("vidcondense.report") / name).read_text(encoding="utf-8")


def _tabs(runs: Sequence[Run]) -> Markup:
    if len(runs) == 1:
        return Markup("")
    tabs = [
        tag("a", run.label, href=f"#run-{index}", role="tab", id=f"tab-{index}", aria_controls=f"run-{index}")
        for index, run in enumerate(runs)
    ]
    return tag("div", *tabs, role="tablist", class_="tabs", aria_label="Runs")


def _run_section(
    run: Run, index: int, clips: Markup | None, baseline: Evaluation | None, *, several: bool
) -> Markup:
    heading = tag("h2", run.label) if several else Markup("")
    evaluation = run.evaluation
    parts = [
        _block("Condensed clips", clips or _missing("This run holds no condensed set yet.")),
        _block("When and where key frames were inserted", _growth(run)),
        _block("Matching loss", _loss(run)),
        _block("Accuracy by class", _class_bars(run, evaluation, baseline)),
        _block("Confusion", _confusion(run, evaluation)),
        _block("Recipe and provenance", _provenance(run)),
    ]
    role = {"role": "tabpanel", "aria_labelledby": f"tab-{index}"} if several else {}
    return tag("section", heading, *parts, id=f"run-{index}", class_="run", **role)


def _block(title: str, content: Markup) -> Markup:
    return tag("section", tag("h3", title), content, class_="block")


def _missing(text: str) -> Markup:
    return tag("p", text, class_="missing")


def _note(*text: object) -> Markup:
    return tag("p", *text, class_="note")


def _clips(run: Run, condensed: CondensedVideos, index: int, lossless: bool) -> Markup:
    controls = tag("button", "Play all", type="button", class_="play", data_run=index)
    speeds = [tag("option", f"{fps} frames/s", value=fps, selected=fps == 8) for fps in (2, 4, 8, 16, 30)]
    speed = tag("label", "Speed ", tag("select", *speeds, class_="speed"))
    sparse = sum(condensed.key_counts) < len(condensed) * condensed.frames
    first = "key frame from the start" if sparse or run.metrics.insertions else "stored frame"
    first = "rendered frame" if condensed.clips_per_video > 1 else first
    legend = [tag("span", tag("i", class_="start"), first)]
    if run.metrics.insertions:
        legend.append(tag("span", tag("i", class_="added"), "key frame inserted later"))
    if sparse:
        legend.append(tag("span", tag("i", class_="tick"), "interpolated"))
    bar = tag("div", controls, speed, tag("div", *legend, class_="legend"), class_="controls")
    kind = (
        "without loss (PNG)" if lossless else "as JPEG, to keep the page small: export gives the exact pixels"
    )
    how = "at random" if run.is_random else f"by {str(run.coreset).replace('_', '-')}"
    words = f"These are real training clips, chosen {how}. " if run.coreset else ""
    if condensed.clips_per_video > 1:
        words += f"Each video has {condensed.clips_per_video} clips; a network sees one of them per epoch. "
    blended = sparse and is_blended(condensed)
    words += f"{'Key frames' if blended else 'Frames'} are embedded {kind}"
    if blended:
        words += "; the frames between are blended from them, as for training, "
        words += "but after colours were cut to the visible range"
    words += ". Point at a timeline, drag it or use the arrow keys; a click on a picture stops or starts it."
    note = _note(words)
    return join([bar, clip_section(run, condensed, index), note])


def _growth(run: Run) -> Markup:
    events = run.metrics.insertions
    if not events or run.condensed is None:
        return _missing("No key frame was inserted in this run.")
    settings = run.recipe.get("insertion")
    settings = settings if isinstance(settings, Mapping) else {}
    shares = [number(settings.get(name)) or 0.0 for name in ("warm_up", "cool_down")]
    iterations = run.iterations or events[-1].iteration + 1
    chart = insertions_chart(events, run.condensed.frames, iterations, *shares)
    counts = run.condensed.key_counts
    mean, most = sum(counts) / len(counts), max(counts)
    return join(
        [
            chart,
            _note(
                f"{plural(len(events), 'key frame')} inserted between iterations {events[0].iteration:,} and "
                f"{events[-1].iteration:,}; a video now has {mean:.2f} on average, {most} at most. "
                "A larger dot stands for more videos."
            ),
        ]
    )


def _loss(run: Run) -> Markup:
    losses = run.metrics.losses
    broken = run.metrics.unreadable
    note = _note(f"{plural(broken, 'line')} of metrics.jsonl could not be read.") if broken else Markup("")
    if len(losses) < 2:
        return join([_missing("No losses were logged: nothing was optimised, or it has not begun."), note])
    words = "Pale: each iteration, with a new random network every time; bold: the mean around it."
    if run.metrics.static_iterations:
        words += (
            f" The first {plural(run.metrics.static_iterations, 'iteration')} learned the static memory from "
            "single frames, with a loss of another scale."
        )
    return join([losses_chart(losses, run.iterations or losses[-1][0]), _note(words), note])


def _class_bars(run: Run, evaluation: Evaluation | None, baseline: Evaluation | None) -> Markup:
    if evaluation is None or not evaluation.per_class:
        return _missing("Not evaluated yet: run vidcondense evaluate on this run.")
    guess = chance(run) or 0.0
    rival = baseline.per_class if baseline else {}
    legend = [tag("span", tag("i", class_="guess"), f"chance, {percent(guess)}")]
    if rival:
        legend.append(tag("span", tag("i", class_="rival"), "random selection"))
    key = tag("div", *legend, class_="legend bar-legend")
    return join([key, accuracy_bars(evaluation.per_class, rival, guess)])


def _confusion(run: Run, evaluation: Evaluation | None) -> Markup:
    if evaluation is None or not evaluation.confusion:
        return _missing("No confusion matrix: not evaluated yet.")
    names = run.class_names
    if len(names) != len(evaluation.confusion):
        names = tuple(evaluation.per_class)
    if len(names) != len(evaluation.confusion):
        names = tuple(f"class {i}" for i in range(len(evaluation.confusion)))
    table = confusion_table(evaluation.confusion, names)
    commonest = "; ".join(most_confused(evaluation.confusion, names))
    note = _note(
        "Rows are true classes, columns predictions; counts are summed over "
        f"{plural(evaluation.trained, 'network')}. "
        + (f"Commonest mistakes: {commonest}." if commonest else "")
    )
    return join([note, table])


def _provenance(run: Run) -> Markup:
    parts: list[tuple[str, Mapping[str, Any]]] = [
        ("Recipe", run.recipe),
        ("Run", {key: value for key, value in run.info.items() if key not in {"recipe", "store"}}),
        ("Real clips", run.store),
        ("Condensed file", run.condensed.provenance if run.condensed else {}),
    ]
    parts += [(f"Evaluation {one.name}", one.settings) for one in run.evaluations if one.settings]
    return join(
        tag("details", tag("summary", name), tag("dl", *_facts(values), class_="facts"))
        for name, values in parts
        if values
    )


def _facts(values: Mapping[str, Any]) -> Iterable[Markup]:
    for key, value in _flat(values):
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        yield tag("div", tag("dt", key), tag("dd", shown))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
