"""Pages as a browser paints them: without JavaScript, and printed."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vidcondense.report import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here")


def browse(page: Path, *options: str) -> None:
    """Run Chromium on a page until it has painted it."""
    home = page.with_name("home")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={home}", "--hide-scrollbars")
    command = [str(BROWSER), *flags, "--virtual-time-budget=2000", *options, page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=100)


def coloured(page: Path, window: str) -> int:
    """How many pixels of what is painted have colour. Clips are noise and full of it; marks are small."""
    picture = page.with_name("page.png")
    browse(page, f"--screenshot={picture}", f"--window-size={window}")
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    return int((np.ptp(pixels, axis=2) > 60).sum())


def test_clips_are_seen_without_javascript(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    page = write_report([make_run()], tmp_path / "report.html")
    page.write_text(re.sub(r"<script>.*?</script>", "", page.read_text(), flags=re.DOTALL))
    assert coloured(page, "1000,1600") > 3 * 148 * 118 / 2


def test_a_printed_page_has_the_clips_of_every_run(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    """By the rules for print on a screen: of a run behind a tab too."""
    page = write_report([make_run("first"), make_run("second", "random")], tmp_path / "report.html")
    page.write_text(page.read_text().replace("@media print", "@media all"))
    assert coloured(page, "800,5000") > 6 * 110 * 88 / 2
