"""Chromium as a reader uses it: pages are opened, looked at, clicked and typed at, by its debug protocol."""

import base64
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 60
"""Seconds that an answer may take."""
KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Space": (32, " "), "ArrowRight": (39, ""), "Tab": (9, "")}
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe")


class Browser:
    """A page in Chromium; use `browser`.

    Args:
        to: where commands go.
        answers: where replies and events come from.
    """

    def __init__(self, to: int, answers: int) -> None:
        self._to, self._answers = os.fdopen(to, "wb", 0), os.fdopen(answers, "rb", 0)
        self._left, self._number, self._session = b"", 0, ""
        self._events: list[dict[str, Any]] = []  # that came before the answer that was waited for
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a command of the protocol."""
        self._number += 1
        number = self._number
        asked = {"id": number, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        self._to.write(json.dumps(asked).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            self._events.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def open(
        self, page: Path, width: int = 1280, height: int = 900, dark: bool = False, script: bool = True
    ) -> Self:
        """Load a page into a window of this size, without JavaScript if not `script`."""
        phone = width < 500
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Emulation.setScriptExecutionDisabled", value=not script)
        self._events.clear()
        self.ask("Page.navigate", url=page.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._next())
        return self

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript is on the page, as JSON."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def click(self, selector: str) -> None:
        """Click on the middle of the first element that fits."""
        place = "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
        place += " return [b.x + b.width / 2, b.y + b.height / 2];"
        x, y = self.value(f"((e) => {{ {place} }})(document.querySelector({json.dumps(selector)}))")
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press and release a key."""
        code, text = KEYS[key]
        common = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)
        self._settle()

    def _settle(self) -> None:
        """Wait for what an input has set off: a dialog tells that it has closed in a task of its own."""
        frames = "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))"
        self.value(f"new Promise((done) => {frames})")

    def picture(self, whole: bool = False) -> bytes:
        """A PNG of what the window shows, or of the whole page."""
        shot = self.ask("Page.captureScreenshot", captureBeyondViewport=whole, **self._clip(whole))
        return base64.b64decode(shot["data"])

    def pdf(self) -> bytes:
        """The page as printed on A4."""
        return base64.b64decode(self.ask("Page.printToPDF", paperWidth=8.27, paperHeight=11.7)["data"])

    def _clip(self, whole: bool) -> Mapping[str, Any]:
        if not whole:
            return {}
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}

    def _next(self) -> dict[str, Any]:
        """The next answer or event."""
        while b"\0" not in self._left:
            assert select.select([self._answers], [], [], PATIENCE)[0], "the browser says nothing"
            more = self._answers.read(1 << 20)
            assert more, "the browser ended"
            self._left += more
        one, _, self._left = self._left.partition(b"\0")
        return dict(json.loads(one))


@contextmanager
def browser(home: Path) -> Iterator[Browser]:
    """Chromium with a profile of its own in `home`, ended with the block."""
    theirs_in, to = os.pipe()
    answers, theirs_out = os.pipe()
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={home}"]
    # Its protocol is on 3 and 4, whatever these are called here.
    shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", *command],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(to, answers)
    finally:
        process.terminate()
        process.wait(20)
