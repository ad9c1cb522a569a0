"""A PNG per frame, with exactly the pixels of `CondensedVideos.pixels`."""

from collections.abc import Iterator

from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.export.clips import Choices, File, clips_of
from vidcondense.condensed.pictures import png


def as_frames(condensed: CondensedVideos, choices: Choices) -> Iterator[File]:
    """`<class>/<number>/<time>_key.png`, and `<time>_interpolated.png` if those are wanted too."""
    digits = max(2, len(str(condensed.frames - 1)))
    for clip in clips_of(condensed, choices.scale):
        for time in range(condensed.frames) if choices.rendered else clip.keys:
            kind = "key" if time in clip.keys else "interpolated"
            path = f"{clip.stem}/{time:0{digits}d}_{kind}.png"
            yield File(path, [png(clip.pixels[time])], [clip.row(kind, time)])
