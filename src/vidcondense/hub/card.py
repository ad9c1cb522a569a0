"""The card of a condensed set: what a page on the hub says of it, made from the set alone."""

import json
import re
from collections.abc import Sequence
from html import escape
from importlib import resources

from jinja2 import Environment, StrictUndefined

from vidcondense.base import moving
from vidcondense.base.errors import printable
from vidcondense.base.units import plural, size, spread
from vidcondense.base.versions import VERSION
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.provenance import condensings, distinct, recipes
from vidcondense.evaluation.results import Record

MOST_CLASSES = 100
"""Names that a card lists; it counts the others."""
CLIP_SIDE = 112
_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~>-])")


def card(
    condensed: CondensedVideos,
    repo: str,
    file_bytes: int,
    *,
    picture: str = "",
    license: str | None = None,
    evaluations: Sequence[Record] = (),
) -> str:
    """Markdown with the fields that the hub reads in front.

    Args:
        condensed: the set.
        repo: where it will be, "user/name".
        file_bytes: of its file.
        picture: the file beside the card that shows it moving; none if empty.
        license: one of the hub's identifiers; without one the card has no such field and says so.
        evaluations: of the set.
    """
    template = Environment(
        autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string((resources.files("vidcondense.hub") / "card.md.jinja").read_text(encoding="utf-8"))
    sources = distinct(
        one.get("source", {}).get("name") if isinstance(one.get("source"), dict) else None
        for one in condensings(condensed.provenance)
    )
    made = recipes(condensed.provenance)
    names = list(condensed.class_names)
    height, width = condensed.size
    return template.render(
        repo=repo,
        title=json.dumps(repo.rpartition("/")[2]),
        license=None if license is None else json.dumps(license),
        category=_category(len(condensed)),
        picture=picture,
        videos=plural(condensed.videos, "synthetic clip"),
        classes=plural(len(names), "class", "classes"),
        sources=", ".join(map(_text, sources)),
        names=[_text(name) for name in names[:MOST_CLASSES]],
        more=max(0, len(names) - MOST_CLASSES),
        shape=f"{condensed.frames} frames of {width} x {height} pixels",
        holds=condensed.holds,
        storage=condensed.storage,
        bytes=f"{size(file_bytes)} ({file_bytes:,} bytes)",
        recipe=", ".join(map(_text, distinct(one.get("name") for one in made))),
        settings=json.dumps(made, indent=2).replace("`", "\\u0060") if made else "",
        scores=[_score(one) for one in evaluations],
        version=VERSION,
    )


def picture_of(condensed: CondensedVideos) -> tuple[bytes, str]:
    """The first clips side by side as one moving picture, and its type."""
    shown = list(range(min(len(condensed), moving.MOST_CLIPS)))
    clips = condensed.pixels(shown)[:, : moving.MOST_FRAMES].permute(0, 1, 3, 4, 2).numpy()
    return moving.moving(moving.grid(clips), side=CLIP_SIDE * moving.COLUMNS)


def _score(evaluation: Record) -> str:
    """A line on what networks score."""
    top1 = evaluation["top1"]
    networks = plural(int(evaluation["networks"]), "network")
    mean = "none trained" if top1["mean"] is None else spread(top1["mean"], top1["std"])
    network, protocol = _text(evaluation["network"]), _text(evaluation["protocol"])
    return f"top-1 {mean} over {networks} ({network}, protocol {protocol})"


def _category(clips: int) -> str:
    """How the hub calls the number of clips."""
    bounds = ((1000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
    return next((name for bound, name in bounds if clips < bound), "100K<n<1M")


def _text(name: str) -> str:
    """A name from outside as text in Markdown: neither markup nor HTML."""
    return _MARKS.sub(r"\\\1", escape(printable(str(name)), quote=False).replace("&gt;", ">"))
