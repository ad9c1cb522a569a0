"""Pages as a browser shows them: on screens and phones, dark, printed, without JavaScript, and used."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, Browser, browser
from PIL import Image

from vidcondense.report import write_report

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for all tests of this file."""
    with browser(tmp_path_factory.mktemp("home")) as window:
        yield window


@pytest.fixture
def page(tmp_path: Path, make_run: Make) -> Path:
    """A report of two runs; clips are noise, full of colour."""
    return write_report([make_run("first"), make_run("second", "random")], tmp_path / "report.html")


def coloured(picture: bytes) -> int:
    """How many pixels have colour. Clips are full of it; marks are small."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    return int((np.ptp(pixels, axis=2) > 60).sum())


def is_open(chromium: Browser) -> bool:
    return bool(chromium.value("document.querySelector('dialog').open"))


def test_clips_are_seen_before_anyone_scrolls_to_them(chromium: Browser, page: Path) -> None:
    """As in a capture of the whole page."""
    chromium.open(page, height=300)
    assert coloured(chromium.picture(whole=True)) > 3 * 148 * 118 / 2


def test_without_javascript_all_clips_are_seen_and_nothing_is_dead(chromium: Browser, page: Path) -> None:
    chromium.open(page, script=False)
    assert coloured(chromium.picture(whole=True)) > 6 * 148 * 118 / 2
    shown = "[...document.querySelectorAll('main :is(button, select, input)')].filter((e) => e.offsetParent)"
    assert chromium.value(f"{shown}.length") == 0
    width = "document.querySelector('.own').offsetWidth"
    before = chromium.value(width)
    chromium.click(".screens")  # a plain link
    assert chromium.value(width) > 2 * before
    chromium.open(page)
    assert chromium.value(f"{shown}.length") == 3 + 2


def test_a_printed_page_has_the_clips_of_every_run(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    assert chromium.pdf().count(b"/Subtype /Image") >= 6
    # What print shows, on a screen, also of a run behind a tab.
    page.write_text(page.read_text().replace("@media print", "@media all"))
    chromium.open(page, width=800)
    assert coloured(chromium.picture(whole=True)) > 6 * 110 * 88 / 2


@pytest.mark.parametrize("width", [390, 1280, 1600])
def test_no_page_is_wider_than_its_window(chromium: Browser, page: Path, width: int) -> None:
    chromium.open(page, width=width)
    assert chromium.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1280])
def test_a_click_makes_a_clip_large_and_escape_puts_it_back(
    chromium: Browser, page: Path, width: int
) -> None:
    chromium.open(page, width=width, height=844)
    order = "[...document.querySelectorAll('.clip')].map((e) => e.id).join()"
    size = "document.querySelector('.own').offsetWidth"
    before = chromium.value(order), chromium.value(size)
    chromium.click(".screens")
    assert is_open(chromium)
    assert chromium.value("document.querySelector('dialog .own').offsetWidth") > 1.5 * before[1]
    fits = "((e) => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight)"
    assert chromium.value(f"{fits}(document.querySelector('dialog'))")
    chromium.press("Escape")
    assert not is_open(chromium)
    assert (chromium.value(order), chromium.value(size)) == before


def test_the_keyboard_opens_stops_and_closes(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    focused = "document.activeElement.getAttribute('aria-label')"
    for key in ("Enter", "Space"):
        chromium.value("document.querySelector('.screens').focus()")
        assert chromium.value(focused) == "Enlarge walk"
        chromium.press(key)
        assert is_open(chromium)
        chromium.press("Escape")
        assert not is_open(chromium)
        assert chromium.value(focused) == "Enlarge walk", "who closes it is where they were"
    chromium.press("Enter")
    chromium.value("document.querySelector('dialog .screens').focus()")
    assert chromium.value(focused) == "Pause walk"
    chromium.press("Enter")
    assert chromium.value(focused) == "Play walk"
    chromium.click("dialog .close")
    assert not is_open(chromium)


def test_a_large_clip_goes_on_moving(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chromium.click(".screens")
    wait = "new Promise((done) => setTimeout(() => done(document.querySelector('dialog input').value), 300))"
    assert len({chromium.value(wait) for _ in range(4)}) > 1


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_a_table_shows_that_it_goes_on(chromium: Browser, page: Path, dark: bool) -> None:
    chromium.open(page, width=390, height=844, dark=dark)
    sizes = chromium.value(
        "((e) => { e.scrollIntoView(); const b = e.getBoundingClientRect();"
        " return [e.scrollWidth, e.clientWidth, b.right, b.top, b.bottom]; })"
        "(document.querySelector('.scroller'))"
    )
    assert sizes[0] > sizes[1]
    right, top, bottom = (int(value) for value in sizes[2:])

    def at_the_edge() -> float:
        pixels = np.asarray(Image.open(io.BytesIO(chromium.picture())).convert("L")).astype(float)
        edge, inside = (np.median(pixels[top + 5 : bottom - 5, right - far]) for far in (2, 24))
        return float(abs(edge - inside))

    assert at_the_edge() > 20
    chromium.value("document.querySelector('.scroller').scrollLeft = 1e6")
    assert at_the_edge() < 8, "at its end there is no more"


def test_the_page_runs_only_its_own_script(chromium: Browser, page: Path) -> None:
    """The hash in the content security policy is that of the script; another one would not run."""
    changed = page.with_name("changed.html")
    changed.write_text(re.sub(r'"use strict";', '"use strict"; let changed;', page.read_text()))
    for path, runs in ((page, True), (changed, False)):
        chromium.open(path)
        assert chromium.value("document.querySelector('main').classList.contains('moving')") == runs
