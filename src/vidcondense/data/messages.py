"""What `prepare` tells the person in front of it, line by line."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from vidcondense.base.units import duration, gigabytes, plural
from vidcondense.data.estimate import Estimate, free_bytes
from vidcondense.data.framing import scaled_shape
from vidcondense.data.layouts import LAYOUTS
from vidcondense.data.layouts.listing import TEST, TRAIN, UNUSED, VAL
from vidcondense.data.mirroring import directed
from vidcondense.data.plan import Plan
from vidcondense.data.sources import Source, SourceVideo

LISTED, SPLITS = 20, 6
WORDS = {TRAIN: "training", VAL: "validation", TEST: "test", UNUSED: "unused"}


def skipped(files: Sequence[tuple[str, str]]) -> list[str]:
    """Lines on (file, reason) of files that are not in the store; all of them are in the index."""
    if not files:
        return []
    by_reason: dict[str, list[str]] = {}
    for path, why in files:
        by_reason.setdefault(why, []).append(path)
    lines = [
        f"{paths[0]}: {why}"
        if len(paths) == 1
        else f"{len(paths):,} files ({', '.join(paths[:3])}{', ...' if len(paths) > 3 else ''}): {why}"
        for why, paths in by_reason.items()
    ]
    return [f"skipped {plural(len(files), 'file')}:", *_some(lines)]


def noted(files: Sequence[tuple[str, str]]) -> list[str]:
    """Lines on (file, note) of files that are in the store otherwise than one might think."""
    if not files:
        return []
    return [f"notes on {plural(len(files), 'file')}:", *_some([f"{path}: {note}" for path, note in files])]


def duplicates(pairs: Sequence[tuple[str, str, str]]) -> list[str]:
    """Lines that warn of test videos that are also training videos: (training path, test path, split)."""
    if not pairs:
        return []
    are = "test video is" if len(pairs) == 1 else "test videos are"
    return [
        f"warning: {len(pairs):,} {are} also among the training videos:",
        *_some([f"{test} is {train} (split {split})" for train, test, split in pairs]),
    ]


def counts(found: Source, videos: Sequence[SourceVideo]) -> list[str]:
    """Training and test videos of each split among those of a source, and where the test set comes from."""
    lines = []
    for split, name in enumerate(found.split_names):
        roles = Counter(video.roles[split] for video in videos)
        parts = [f"{roles[role]:,} {word}" for role, word in WORDS.items() if roles[role]]
        lines.append(f"split {name}: {', '.join(parts)} videos (test set: {found.test_from})")
    more = [f"and {len(lines) - SPLITS} more splits"] if len(lines) > SPLITS else []
    return [*lines[:SPLITS], *more]


def describe(plan: Plan, expected: Estimate, seconds: float | None) -> list[str]:
    """What was found, what the papers use for such a dataset, and what is left to do and will take."""
    found, content = plan.found, plan.content
    splits = f"split{'s' if len(found.split_names) > 1 else ''} {', '.join(found.split_names)}"
    gone = f"; {len(found.missing):,} unusable" if found.missing else ""
    lines = [
        f"{content['name']}: {plural(len(found.videos), 'video')} in {len(found.class_names):,} classes, "
        f"{splits} (layout {found.layout}){gone}"
    ]
    lines += [*counts(found, found.videos), *found.seen.describe()]
    lines += [note if note.startswith("warning: ") else f"note: {note}" for note in found.notes]
    published = LAYOUTS[found.layout].published
    if published and published != (content["frames"], content["stride"], content["size"]):
        frames, stride, size = published
        lines.append(f"the papers' settings for it: --frames {frames} --stride {stride} --size {size}")
    if expected.aspect:
        lines.append(framed(plan.options.framing, plan.options.size, expected.aspect))
    if plan.options.mirror == "auto" and (names := directed(found.class_names)):
        lines.append(unmirrored(names))
    earlier = len(found.videos) - expected.videos
    kept = f" ({earlier:,} more are there from an earlier run)" if earlier else ""
    size_of = f"about {expected.frames:,} frames, {gigabytes(expected.bytes)}"
    time = f", {duration(seconds)} of decoding" if seconds is not None else ""
    lines.append(
        f"to decode: {plural(expected.videos, 'video')}{kept}, "
        f"{size_of if expected.frames else 'size unknown'}{time}; "
        f"to {plan.store}, {gigabytes(free_bytes(plan.store))} free there"
    )
    return lines


def unmirrored(names: Sequence[str]) -> str:
    """A line on classes that a mirrored clip would not show."""
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    named = ", ".join(repr(name) for name in names[:3])
    return f"no clip will be mirrored: direction matters in {named}{more}; --mirror yes mirrors all the same"


def framed(framing: str, size: int, aspect: float) -> str:
    """A line on what becomes of the edges and the shape of a picture of `aspect`, its width by height."""
    shape, longer = _shape(aspect), f"{100 * (1 - min(aspect, 1 / aspect)):.0f} %"
    width, height = scaled_shape(size, "squeeze", Fraction(1))
    squeezed = f"{100 * (1 - size**2 / (width * height)):.0f} %"
    bent = "" if shape == "4:3" else f"{shape} is {'squeezed' if aspect > 4 / 3 else 'stretched'} to 4:3, "
    return {
        "squeeze": f"framing squeeze: {bent}{squeezed} of the picture is cut away; --framing crop keeps the "
        f"shape and cuts {longer}, pad cuts nothing",
        "crop": f"framing crop: {longer} of the picture is cut away ({shape}); --framing pad cuts nothing",
        "pad": f"framing pad: nothing is cut away, {longer} of each frame is black ({shape})",
    }[framing]


def _shape(aspect: float) -> str:
    """Width by height in words, as 16:9 where it is close to a usual one."""
    usual = [(1, 1), (5, 4), (4, 3), (3, 2), (16, 9), (2, 1), (21, 9)]
    for width, height in [*usual, *((height, width) for width, height in usual)]:
        if abs(aspect * height / width - 1) < 0.02:
            return f"{width}:{height}"
    return f"{aspect:.2f}:1" if aspect > 1 else f"1:{1 / aspect:.2f}"


def _some(lines: Sequence[str]) -> list[str]:
    more = [f"  and {len(lines) - LISTED:,} more"] if len(lines) > LISTED else []
    return [f"  {line}" for line in lines[:LISTED]] + more
