"""What the networks got right and wrong, class by class: accuracy bars and the confusion matrix."""

from collections.abc import Mapping, Sequence

from vidcondense.report.markup import Markup, percent, tag

# Counts fit in the cells up to this many classes; with more they are read by pointing.
MOST_NUMBERED = 25


def accuracy_bars(per_class: Mapping[str, float], baseline: Mapping[str, float], chance: float) -> Markup:
    """A bar per class, best first; a tick marks what random selection reaches there.

    Args:
        per_class: accuracy of each class as a fraction.
        baseline: the same of random selection; empty if unknown.
        chance: accuracy of guessing, a line through all bars.
    """
    rows = []
    for name, value in sorted(per_class.items(), key=lambda item: (-item[1], item[0])):
        marks = [tag("i", class_="fill", style=f"width:{100 * value:.1f}%")]
        marks.append(tag("i", class_="guess", style=f"left:{100 * chance:.1f}%"))
        said = percent(value)
        if name in baseline:
            marks.append(tag("i", class_="rival", style=f"left:{100 * baseline[name]:.1f}%"))
            said += f"; random selection {percent(baseline[name])}"
        bar = tag("span", *marks, class_="bar", aria_hidden="true")
        words = tag("span", name, class_="name", title=name)
        number = tag("span", percent(value, 0), class_="number", title=said)
        rows.append(tag("li", words, bar, number))
    return tag("ul", *rows, class_="bars")


def confusion_table(counts: Sequence[Sequence[float]], names: Sequence[str]) -> Markup:
    """Rows are true classes, columns predictions; colour is the share of the row, counts are in the cells."""
    columns = [tag("th", tag("span", name), scope="col") for name in names]
    head = tag("thead", tag("tr", tag("td", "true ↓ predicted →"), *columns))
    rows = []
    for true, (name, row) in enumerate(zip(names, counts, strict=True)):
        total = sum(row)
        cells = [_cell(count, total, column == true) for column, count in enumerate(row)]
        rows.append(tag("tr", tag("th", tag("span", name), scope="row"), *cells))
    size = "small" if len(names) <= MOST_NUMBERED else "large"
    label = "Confusion matrix: true class by row, predicted class by column"
    table = tag("table", head, tag("tbody", *rows), class_=f"confusion {size}", aria_label=label)
    readout = tag(
        "p", "Point at a cell, or use the arrow keys, to read it.", class_="readout", aria_live="polite"
    )
    return tag(
        "div", readout, tag("div", table, class_="scroller", tabindex="0", role="group", aria_label=label)
    )


def _cell(count: float, total: float, right: bool) -> Markup:
    if not count:
        return tag("td", "0", class_="right none") if right else tag("td")
    share = count / total
    classes = " ".join(word for word, on in (("right", right), ("hot", share > 0.5)) if on)
    # Steeper for small shares: a single mistake must still show against the empty cells.
    return tag("td", f"{count:g}", class_=classes or None, style=f"--v:{0.05 + 0.95 * share**0.7:.2f}")


def most_confused(counts: Sequence[Sequence[float]], names: Sequence[str], most: int = 3) -> list[str]:
    """The commonest mistakes in words, "walk taken for run (31 %)", by their share of the true class."""
    found = [
        (count / sum(row), names[true], names[predicted])
        for true, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if predicted != true and count
    ]
    found.sort(reverse=True)
    return [f"{true} taken for {predicted} ({percent(share, 0)})" for share, true, predicted in found[:most]]
