"""AV1 streams: what comes back, the same bytes each time, and what is refused of strangers."""

import io
import os
import subprocess
import sys

import av
import numpy as np
import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.coding.av1 import decode, encode, parts
from vidcondense.condensed.coding.colour import Bytes, Planes, to_pixels, to_planes


def _clip(frames: int = 5, size: int = 32) -> Bytes:
    """A square that moves on a gradient."""
    y, x = np.mgrid[:size, :size]
    made = np.stack([x * 4, y * 4, x + y], -1)[None].repeat(frames, 0)
    for time, frame in enumerate(made):
        frame[8:16, 4 + 2 * time : 12 + 2 * time] = (250, 40, 90)
    return made.clip(0, 255).astype(np.uint8)


def test_a_clip_comes_back_better_where_more_bytes_are_spent() -> None:
    clip = _clip()
    planes = to_planes(clip)
    sizes, errors = [], []
    for quality in (10, 40, 60):
        stream = encode(planes, quality)
        back = to_pixels(decode(stream, 5, 32, 32), 32, 32)
        sizes.append(len(stream))
        errors.append(np.square(back.astype(float) - clip).mean())
    assert sizes[0] > sizes[1] > sizes[2] > 0
    assert errors[0] < errors[1] < errors[2]
    assert errors[0] < 60


def test_the_same_frames_give_the_same_bytes() -> None:
    planes = to_planes(_clip())
    assert encode(planes, 40) == encode(planes, 40)


def test_streams_one_after_another_are_a_file_that_players_read() -> None:
    streams = [encode(to_planes(_clip(frames)), 40) for frames in (3, 1, 2)]
    with av.open(io.BytesIO(b"".join(streams)), format="obu") as container:
        assert len(list(container.decode(video=0))) == 6


def test_a_stream_is_read_with_the_header_of_another() -> None:
    one, other = encode(to_planes(_clip()), 40), encode(to_planes(_clip()[::-1].copy()), 60)
    (header, _), (same, rest) = parts(one), parts(other)
    assert header == same and len(header) + len(rest) < len(other)
    shown, expected = decode(header + rest, 5, 32, 32), decode(other, 5, 32, 32)
    assert all(np.array_equal(*pair) for pair in zip(shown, expected, strict=True))
    assert parts(rest) == (b"", rest)
    for damaged in (other[:-1], other[:1], b"\x12", b"\x10\x00", b"\x12" + b"\xff" * 9, other + b"\x12\x05"):
        with pytest.raises(VidcondenseError, match="a stream is no AV1"):
            parts(damaged)


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system does not tell of scheduling")
def test_a_process_of_root_keeps_its_priority() -> None:
    """SVT-AV1 gives the first thread that starts it real-time priority: all others then starve."""
    script = """
import os
import numpy as np
from vidcondense.condensed.coding.av1 import encode
from vidcondense.condensed.coding.colour import to_planes

before = os.sched_getscheduler(0)
encode(to_planes(np.zeros((2, 32, 32, 3), np.uint8)), 40)
assert os.sched_getscheduler(0) == before
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda stream: b"", "0 frames in place of 5"),
        (lambda stream: b"not a stream at all", "no AV1|0 frames"),
        (lambda stream: stream[: len(stream) // 2], "no AV1|frames in place of 5"),
        (lambda stream: stream + stream, "more than its 5 frames"),
        (lambda stream: encode(to_planes(_clip(5, 64)), 40), "no AV1 of 32x32"),
        (lambda stream: encode(to_planes(_clip(5, 16)), 40), "16x16 in yuv420p, not of 32x32"),
    ],
)
def test_other_streams_are_refused(spoil: object, message: str) -> None:
    stream = encode(to_planes(_clip()), 40)
    with pytest.raises(VidcondenseError, match=message):
        decode(spoil(stream), 5, 32, 32)  # type: ignore[operator]


def test_every_flipped_bit_is_decoded_or_refused_in_one_line() -> None:
    stream = encode(to_planes(_clip()), 50)
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(stream), 60):
        spoilt = bytearray(stream)
        spoilt[place] ^= 1 << int(rng.integers(8))
        try:
            planes = decode(bytes(spoilt), 5, 32, 32)
        except VidcondenseError as error:
            assert "\n" not in str(error)
        else:
            assert isinstance(planes, Planes)
            assert planes.luma.shape == (5, 32, 32)
