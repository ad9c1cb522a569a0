"""Results as tables to print."""

import math

from rich.table import Table

from vidcondense.evaluation.results import Evaluation


def evaluation_table(evaluation: Evaluation) -> Table:
    """Accuracies over all networks and of each."""
    title = f"{evaluation.network}, protocol {evaluation.protocol.name}"
    if evaluation.trained_on:
        title += f", trained on all {evaluation.trained_on['videos']} training videos"
    view = Table(title=title, title_justify="left")
    for heading in ("", "mean", "std", "networks"):
        view.add_column(heading, justify="left" if not heading else "right")
    for name, (mean, std), values in (
        ("top-1 %", evaluation.top1, [result.top1 for result in evaluation.trained]),
        ("top-5 %", evaluation.top5, [result.top5 for result in evaluation.trained]),
    ):
        view.add_row(
            name,
            f"{100 * mean:.1f}",
            "" if math.isnan(std) else f"{100 * std:.1f}",
            "  ".join(f"{100 * value:.1f}" for value in values),
        )
    others = {f"frames {name}": scores for name, scores in evaluation.controls.items()}
    if evaluation.rounded:
        sizes = " or ".join(f"{size:,}" for size in dict.fromkeys(evaluation.rounded["bytes"]))
        others[f"weights of 8 bits ({sizes} bytes)"] = evaluation.rounded["top1"]
    for name, scores in others.items():
        view.add_row(
            f"top-1 %, {name}",
            *("" if value is None else f"{100 * value:.1f}" for value in (scores["mean"], scores["std"])),
            "  ".join(f"{100 * value:.1f}" for value in scores["values"] if value is not None),
        )
    chance = 100 / len(evaluation.class_names)
    failed = len(evaluation.results) - len(evaluation.trained)
    view.caption = (
        f"chance {chance:.1f} %; {evaluation.test_videos} test videos; {failed} of "
        f"{len(evaluation.results)} networks diverged; {evaluation.seconds:.0f} s"
    )
    view.caption_justify = "left"
    return view
