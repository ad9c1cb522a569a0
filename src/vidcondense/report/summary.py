"""The top of a page: what was condensed, how well it trains, what it costs, and the table of all runs."""

import math
from collections.abc import Sequence

from vidcondense.condensed import CondensedVideos
from vidcondense.report.charts import scores_chart
from vidcondense.report.markup import Markup, duration, join, mib, percent, plural, spread, tag
from vidcondense.report.run import Evaluation, Run, Score, integer


def main_run(runs: Sequence[Run]) -> Run:
    """The run the headline speaks of: the first that is not the random baseline."""
    return next((run for run in runs if not run.is_random), runs[0])


def baseline_of(run: Run, runs: Sequence[Run]) -> Evaluation | None:
    """Random selection's evaluation to hold `run`'s against: same store, VPC, protocol and network."""
    if run.evaluation is None or run.is_random:
        return None
    for other in runs:
        same = other.store.get("fingerprint") == run.store.get("fingerprint") and other.vpc == run.vpc
        found = other.matching(run.evaluation) if other.is_random and same else None
        if found is not None and found.top1 is not None:
            return found
    return None


def chance(run: Run) -> float | None:
    """Accuracy of guessing among the run's classes."""
    return 1 / len(run.class_names) if run.class_names else None


def stored_bytes(condensed: CondensedVideos) -> int:
    """Bytes of float32 values, as the papers count storage."""
    return condensed.stored_values * 4


def real_bytes(run: Run) -> int | None:
    """Bytes of all real training clips counted the same way, None if their number is unknown."""
    videos = integer(run.store.get("train_videos"))
    if videos is None or run.condensed is None:
        return None
    height, width = run.condensed.size
    return videos * run.condensed.frames * 3 * height * width * 4


def headline(runs: Sequence[Run]) -> Markup:
    """Title, a summary in plain words, and the four figures that matter."""
    run = main_run(runs)
    title = tag("h1", run.dataset, tag("span", f"condensed with {run.recipe_name}"))
    tiles = [_accuracy_tile(run, runs), _storage_tile(run), _compression_tile(run), _time_tile(run)]
    return join([title, tag("p", _sentences(run, runs), class_="lead"), tag("div", *tiles, class_="tiles")])


def _sentences(run: Run, runs: Sequence[Run]) -> Markup:
    parts: list[object] = []
    condensed = run.condensed
    if condensed is None:
        status = run.info.get("status")
        return join(["This run holds no condensed set yet", f": its status is {status}." if status else "."])
    videos = integer(run.store.get("train_videos"))
    of = f"{plural(videos, 'training video')} in" if videos else "The training videos of"
    parts.append(f"{of} {plural(len(condensed.class_names), 'class', 'classes')} became ")
    parts.append(
        tag("b", f"{plural(condensed.vpc, 'real clip' if run.coreset else 'synthetic clip')} per class")
    )
    keys, every = sum(condensed.key_counts), len(condensed) * condensed.frames
    if condensed.clips_per_video > 1:
        parts.append(f": {condensed.holds}. ")
    elif keys < every:
        parts.append(f": {keys:,} stored key frames, from which all {every:,} frames are interpolated. ")
    else:
        parts.append(f", all {every:,} frames of which are stored. ")
    if condensed.targets is not None:
        parts.append("Their labels are learned too: a score for every class instead of one class. ")
    evaluation = run.evaluation
    if evaluation is None or evaluation.top1 is None:
        parts.append("No network has been trained on them yet, so their accuracy is not known.")
        return join(parts)
    test = (
        plural(evaluation.test_videos, "real test video")
        if evaluation.test_videos
        else "the real test videos"
    )
    parts.append(f"A {evaluation.network} network trained on nothing else recognises ")
    parts.append(tag("b", spread(evaluation.top1.mean, evaluation.top1.std)))
    counted = f"mean ± standard deviation of {evaluation.trained} networks"
    parts.append(f" of {test} ({counted if evaluation.top1.std is not None else 'one network only'}, ")
    parts.append(f"{evaluation.diverged} more diverged, " if evaluation.diverged else "")
    parts.append(f"protocol {evaluation.protocol}). ")
    baseline = baseline_of(run, runs)
    if baseline is not None and baseline.top1 is not None:
        parts.append(_verdict(evaluation.top1, baseline.top1))
    return join(parts)


def _verdict(mine: Score, theirs: Score) -> str:
    """The difference in words; one that the spread over networks could explain is not called a gain."""
    difference = mine.mean - theirs.mean
    points = f"{100 * abs(difference):.1f} points"
    found = (
        f"That is {points} {'above' if difference > 0 else 'below'} random selection of as many real clips"
    )
    if mine.std is None or theirs.std is None:
        return f"{found}; a single network cannot tell such a difference from noise."
    noise = math.hypot(mine.std, theirs.std)
    if abs(difference) <= noise:
        return f"That is within the spread of random selection of as many real clips ({points} apart)."
    return f"{found}."


def _tile(name: str, value: str, *details: str) -> Markup:
    lines = [tag("span", detail) for detail in details if detail]
    return tag("div", tag("dt", name), tag("dd", tag("b", value), *lines))


def _accuracy_tile(run: Run, runs: Sequence[Run]) -> Markup:
    guess = chance(run)
    guessed = f"chance {percent(guess)}" if guess else ""
    evaluation = run.evaluation
    if evaluation is None:
        return _tile("Accuracy", "not evaluated", guessed)
    if evaluation.top1 is None:
        return _tile("Accuracy", "none", "every network diverged", guessed)
    baseline = baseline_of(run, runs)
    if baseline is not None and baseline.top1 is not None:
        beside = f"random selection {spread(baseline.top1.mean, baseline.top1.std)}"
    else:
        beside = "" if run.is_random else "no comparable random selection among these runs"
    return _tile("Accuracy", spread(evaluation.top1.mean, evaluation.top1.std), beside, guessed)


def _storage_tile(run: Run) -> Markup:
    if run.condensed is None or run.file_bytes is None:
        return _tile("Storage", "none yet")
    labels = " and learned labels" if run.condensed.targets is not None else ""
    kind = "memories" if run.condensed.clips_per_video > 1 else "key frames"
    return _tile(
        "Storage",
        mib(stored_bytes(run.condensed)),
        f"float32 {kind}{labels}, as the papers count",
        f"{run.file_bytes:,} bytes on disk",
    )


def _compression_tile(run: Run) -> Markup:
    if run.condensed is None:
        return _tile("Compression", "not known")
    stored = stored_bytes(run.condensed)
    height, width = run.condensed.size
    kept = stored / (run.condensed.videos * run.condensed.frames * 3 * height * width * 4)
    frames = f"{percent(kept, 0)} of the frames of its own clips stored"
    if run.condensed.clips_per_video > 1:
        frames = f"{percent(kept, 0)} of what as many clips would take with every frame stored"
    real = real_bytes(run)
    if real is None:
        return _tile("Compression", "not known", "the number of real videos is not recorded", frames)
    ratio = real / stored
    times = f"{ratio:,.0f} ×" if ratio >= 10 else f"{ratio:.1f} ×"
    return _tile(
        "Compression", times, f"smaller than all real training clips, {mib(real)} in float32", frames
    )


def _time_tile(run: Run) -> Markup:
    if run.seconds is None:
        return _tile("Condensing time", "not known")
    pace = f"{run.iterations:,} iterations" if run.iterations else ""
    return _tile("Condensing time", duration(run.seconds), pace, str(run.info.get("hardware") or ""))


def comparison(runs: Sequence[Run]) -> Markup:
    """A table of all runs and the accuracy of every network as a chart."""
    heads = ["run", "top-1", "top-5", "protocol", "clips/class", "key frames/video", "storage", "on disk"]
    heads += ["condensing", "diverged"]
    results = _results(runs)
    rows = [_row(run, evaluation) for run, evaluation in results]
    head = tag("thead", tag("tr", *[tag("th", name, scope="col") for name in heads]))
    table = tag("table", head, tag("tbody", *rows), class_="runs")
    parts: list[Markup] = [
        tag("div", table, class_="scroller", tabindex="0", role="group", aria_label="All runs")
    ]
    if len({str(run.store.get("fingerprint")) for run in runs}) > 1:
        parts.append(
            tag("p", "These runs used different stores: their accuracies do not compare.", class_="note")
        )
    scored = [
        (run.label, f"{run.recipe_name}, {evaluation.network}, {evaluation.protocol}", evaluation.top1)
        for run, evaluation in results
        if evaluation is not None and evaluation.top1 is not None
    ]
    if scored:
        classes = {len(run.class_names) for run in runs}
        guess = chance(runs[0]) if len(classes) == 1 else None
        legend = (
            "Each dot is one network; the bar is their mean, the band one standard deviation to either side."
        )
        legend += f" Dashed: chance, {percent(guess)}." if guess else ""
        parts += [scores_chart(scored, guess), tag("p", legend, class_="note")]
    return join(parts)


def _results(runs: Sequence[Run]) -> list[tuple[Run, Evaluation | None]]:
    """All evaluations of all runs; those under one protocol and network, which compare, stand together."""
    results = [(run, evaluation) for run in runs for evaluation in (run.evaluations or (None,))]
    return sorted(results, key=lambda result: result[1].order if result[1] else (True, "", True, ""))


def _row(run: Run, evaluation: Evaluation | None) -> Markup:
    condensed = run.condensed
    cells: list[object] = ["not evaluated", "–", "–"]
    if evaluation is not None:
        # Among five classes or fewer every top-5 answer is right.
        scores = (evaluation.top1, evaluation.top5 if len(run.class_names) > 5 else None)
        cells = [spread(score.mean, score.std) if score else "–" for score in scores]
        cells += [_two_lines(evaluation.protocol, evaluation.network)]
    cells += [run.vpc or "–"]
    keys = condensed is not None and condensed.clips_per_video == 1
    cells += [f"{sum(condensed.key_counts) / len(condensed):.2f}" if condensed and keys else "–"]
    cells += [mib(stored_bytes(condensed)) if condensed else "–"]
    cells += [f"{run.file_bytes:,}\N{NO-BREAK SPACE}B" if run.file_bytes else "–"]
    cells += [duration(run.seconds) if run.seconds is not None else "–"]
    cells += [f"{evaluation.diverged} of {evaluation.networks}" if evaluation else "–"]
    name = tag("th", _two_lines(run.label, run.recipe_name), scope="row")
    return tag("tr", name, *[tag("td", cell) for cell in cells])


def _two_lines(first: str, second: str) -> Markup:
    return join([first, tag("small", second)])
