"""The size of the pictures in a page."""

from tiny_run import condensed_videos

from vidcondense.report.clips import sheets


def test_pictures_become_jpeg_beyond_the_budget() -> None:
    condensed = condensed_videos()
    assert sheets(condensed, 100_000).lossless
    small = sheets(condensed, 2_000)
    assert not small.lossless and len(small.uris) == 3
    assert all(uri.startswith("data:image/jpeg;base64,/9j/") for uri in small.uris)
