"""The report in a browser: a name that is a program runs nothing, and nothing is asked of any network."""

import dataclasses
import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from vidcondense.condensed import KeyFrameVideos
from vidcondense.report import write_report

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
FRAMES = 4
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and the paths that it was asked for."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", paths
        server.shutdown()


def attacks(address: str) -> list[str]:
    """Texts that run something, or load something, wherever a page takes them for markup."""
    mark = "document.documentElement.dataset.hit=1"
    return [
        f"<script>{mark}</script>",
        f"</script><script>{mark}</script>",
        f"<img src=x onerror={mark}>",
        f"<img src={address}/image>",
        f'" onmouseover="{mark}" autofocus onfocus="{mark}" x="',
        f"' onclick='{mark}",
        f"</style><script>{mark}</script><style>",
        f"</title><script>{mark}</script>",
        f"--><script>{mark}</script><!--",
        f"]]><svg onload={mark}>",
        f"<iframe srcdoc='<script>parent.{mark}</script>'></iframe>",
        f"<base href={address}/base/>",
        f"<meta http-equiv=refresh content='0;url={address}/refresh'>",
        f"<link rel=stylesheet href={address}/style>",
        f"<form action={address}/form><input name=a autofocus></form>",
        f"javascript:{mark}",
        "$data $script ${title} $$",
        "\u2028\u2029 \ud800 \x00",
    ]


def hostile_run(folder: Path, address: str) -> Path:
    """A run folder in which every text is an attack."""
    texts = attacks(address)
    count, everything = len(texts), " ".join(texts)
    made = KeyFrameVideos(
        key_frames=torch.randn(2 * count, 3, 8, 8, generator=torch.Generator().manual_seed(0)),
        positions=torch.tensor([0, FRAMES - 1] * count),
        counts=torch.full((count,), 2),
        labels=torch.arange(count),
        class_names=tuple(texts),
        frames=FRAMES,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        provenance={text: {text: everything} for text in texts},
    )
    (folder / "evaluations").mkdir(parents=True)
    made.save(folder / "condensed.safetensors")
    run = {
        "format": 1,
        "status": everything,
        "recipe": {"name": everything, "coreset": {"kind": everything}, everything: everything},
        "store": {"name": everything, "fingerprint": everything, "classes": texts, everything: 1},
        "hardware": everything,
        "versions": {everything: everything},
        "iterations": 5,
    }
    (folder / "run.json").write_text(json.dumps(run))
    lines = [
        {"event": "iteration", "iteration": i, "loss": 1.0 / (i + 1), "stage": everything} for i in range(5)
    ]
    lines.append({"event": "insertion", "iteration": 2, "video": 0, "position": 3, everything: everything})
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    score = {"mean": 0.5, "std": 0.1, "values": [0.4, 0.6]}
    evaluation = {
        "protocol": everything,
        "network": everything,
        "networks": 2,
        "top1": score,
        "top5": score,
        "per_class": dict.fromkeys(texts, 0.5),
        "confusion": [[1] * count] * count,
        "settings": {everything: everything},
        "precision": everything,
    }
    (folder / "evaluations" / "strict.json").write_text(json.dumps(evaluation))
    return folder


def opened(page: Path, profile: Path) -> str:
    """The page's elements after the browser has run it for three seconds of its time."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--no-first-run"]
    command = [str(BROWSER), *options, "--virtual-time-budget=3000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode(errors="replace")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt install chromium")
def test_nothing_runs_and_nothing_is_loaded(asked: tuple[str, list[str]], tmp_path: Path) -> None:
    address, paths = asked
    runs = [hostile_run(tmp_path / name, address) for name in ("one", "two <script>x</script>")]
    page = write_report(runs, tmp_path / "report.html")
    shown = opened(page, tmp_path / "profile")
    root = shown[: shown.index("<head")]
    assert "data-hit" not in root
    assert paths == []
    assert 'aria-pressed="true"' in shown or 'aria-selected="true"' in shown, (
        "the page's own script did not run"
    )
    # The same texts as markup: the policy alone stops them, and without it they would have run.
    raw = page.read_text(errors="replace").replace("<main>", "<main>" + "".join(attacks(address)[:4]), 1)
    for text, hit in ((raw, False), (POLICY.sub("", raw), True)):
        page.write_text(text, errors="replace")
        shown = opened(page, tmp_path / "profile")
        assert ("data-hit" in shown[: shown.index("<head")]) is hit
        assert bool(paths) is hit


def test_the_page_has_the_elements_of_a_harmless_one(tmp_path: Path) -> None:
    """Without a browser: the same tags and attributes, whatever things are called."""
    from html.parser import HTMLParser

    class Outline(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[tuple[str, tuple[str, ...]]] = []

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            self.found.append((tag, tuple(name for name, _ in attributes)))

    def outline(folder: Path) -> list[tuple[str, tuple[str, ...]]]:
        parser = Outline()
        parser.feed(write_report([folder], tmp_path / "report.html").read_text(encoding="utf-8"))
        return parser.found

    hostile = hostile_run(tmp_path / "hostile", "http://127.0.0.1:1")
    plain = tmp_path / "plain"
    shutil.copytree(hostile, plain)
    texts = attacks("http://127.0.0.1:1")
    everything = " ".join(texts)
    for path in (plain / "run.json", plain / "metrics.jsonl", plain / "evaluations" / "strict.json"):
        content = path.read_text().replace(json.dumps(everything)[1:-1], "everything")
        for number, text in enumerate(texts):
            content = content.replace(json.dumps(text)[1:-1], f"name{number:02d}")
        path.write_text(content)
    made = KeyFrameVideos.load(hostile / "condensed.safetensors")
    names = tuple(f"name{number:02d}" for number in range(len(texts)))
    provenance = {name: {name: "everything"} for name in names}
    dataclasses.replace(made, class_names=names, provenance=provenance).save(plain / "condensed.safetensors")
    assert outline(hostile) == outline(plain)
