"""Source folders for the tests of reading: empty files do, since nothing is decoded then."""

from pathlib import Path

import pytest

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.sources import Source, find_videos

SHARED = Path(__file__).parents[3] / "shared" / "data"


def touch(root: Path, *paths: str) -> Path:
    """Empty files."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """A file of text, with its line ends as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def roles(source: Source, split: int = 0) -> dict[str, str]:
    """The role of each video by its path."""
    return {video.path: video.roles[split] for video in source.videos}


def classes(source: Source) -> dict[str, str]:
    """The class of each video by its path."""
    return {video.path: source.class_names[video.label] for video in source.videos}


def passed_over(source: Source) -> dict[str, int]:
    """How many of each kind were seen and not used."""
    return {kind.kind: kind.count for kind in source.seen.passed_over}


def real(*parts: str) -> Path:
    """A data set beside the project, or the test is skipped."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the shared data set is not here: {path}")
    return path


def refused(root: Path, message: str, **options: object) -> str:
    """The one line with which a source is refused, which has to match."""
    with pytest.raises(VidcondenseError, match=message) as error:
        find_videos(root, **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    return str(error.value)
