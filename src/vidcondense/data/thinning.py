"""A few frames of a video, evenly spread over it, without knowing its length or holding all of it."""

from collections.abc import Iterator

from vidcondense.data.framing import Frame

HELD = 64
"""Frames held at most for each one that is kept: how exactly they are spread in long videos."""


def spread_frames(frames: Iterator[Frame], keep: int) -> Iterator[Frame]:
    """The frames in the middle of `keep` equal parts of a video, in order.

    Of a video of more than `keep` * 64 frames only every second, fourth, ... is considered, so that memory is
    bounded: the frames taken then lie before the middle by at most a thirty-second of a part.

    Args:
        frames: all frames of a video.
        keep: how many to keep; all of a video that has fewer; 0 keeps all of every video.
    """
    if keep == 0:
        yield from frames
        return
    held: list[Frame] = []
    apart, count = 1, 0
    for frame in frames:
        if count % apart == 0:
            if len(held) == HELD * keep:
                del held[1::2]
                apart *= 2
            if count % apart == 0:
                held.append(frame)
        count += 1
    for part in range(min(keep, count)):
        yield held[middle(part, count, keep) // apart]


def middle(part: int, count: int, keep: int) -> int:
    """The frame in the middle of part `part` of `keep` equal parts of `count` frames."""
    parts = min(keep, count)
    return (2 * part + 1) * count // (2 * parts)
