"""The page is complete in itself, escapes what it is given, and shows what the run folder says."""

import base64
import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from tiny_run import CLASSES, FRAMES, KEYS, condensed_videos, evaluation

from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import StaticDynamicVideos
from vidcondense.report import write_report
from vidcondense.report.page import script_json

Make = Callable[..., Path]


class Page(HTMLParser):
    """The elements of a page, with the text inside each script and the text outside of all."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        assert self.open == [], "elements are left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in {"meta", "link", "input", "img"}:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif "style" not in self.open:
            self.text += data

    def data(self) -> Any:
        """What the page's script draws from."""
        return json.loads(self.scripts[0])

    def of_class(self, name: str) -> list[dict[str, str]]:
        """Attributes of all elements of a class."""
        return [attributes for _, attributes in self.elements if name in attributes.get("class", "").split()]


def report(tmp_path: Path, *runs: Path) -> Page:
    return Page(write_report(list(runs), tmp_path / "deep" / "report.html"))


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(
    ("synthetic", "said"),
    [({"learned": 0.5}, True), ({"learned": 1.0}, False), ({"learned": "x"}, False), (7, False)],
)
def test_a_set_of_real_and_learned_clips_says_so(
    synthetic: object, said: bool, tmp_path: Path, make_run: Make
) -> None:
    run = make_run()
    values = json.loads((run / "run.json").read_text())
    values["recipe"]["synthetic"] = synthetic
    (run / "run.json").write_text(json.dumps(values))
    text = plain(report(tmp_path, run).text)
    line = "50 % of each class's clips, rounded up and the last ones, were learned; the others are real"
    assert (line in text.replace("\N{NO-BREAK SPACE}", " ")) == said


def test_learned_labels_are_mentioned(tmp_path: Path, make_run: Make) -> None:
    run = make_run()
    assert "learned" not in report(tmp_path, run).text
    replace(condensed_videos(), targets=torch.zeros(3, 3)).save(run / "condensed.safetensors")
    text = plain(report(tmp_path, run).text)
    assert "Their labels are learned too: a score for every class" in text
    assert "float32 key frames and learned labels" in text


def test_loads_nothing_from_elsewhere(tmp_path: Path, make_run: Make) -> None:
    page = report(tmp_path, make_run(), make_run("second", "random"))
    assert not re.search(r"https?://|url\(|@import", page.source)
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:")), attributes
    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'") and f"script-src 'sha256-{digest}'" in policy


def test_text_from_data_is_escaped(tmp_path: Path, make_run: Make) -> None:
    page = report(tmp_path, make_run("a<i>b"), make_run("second", "random<u>"))
    assert len(page.scripts) == 2, "a class name made a script element"
    assert not {"b-", "u"} & {tag for tag, _ in page.elements}
    assert "tiny <b>set</b>" in page.text
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    captions = [a["title"] for t, a in page.elements if t == "figcaption"]
    assert captions[:3] == list(CLASSES)


def test_markers_stand_at_the_key_positions(tmp_path: Path, make_run: Make) -> None:
    page = report(tmp_path, make_run())
    marks = [a for t, a in page.elements if t == "i" and "data-time" in a]
    assert len(marks) == len(KEYS) * FRAMES
    for video, keys in enumerate(KEYS):
        mine = marks[video * FRAMES : (video + 1) * FRAMES]
        found = {int(a["data-time"]): a["class"] for a in mine if a["class"] != "tick"}
        assert found == {time: "start" if since is None else "added" for time, since in keys}
        assert [a["style"] for a in mine] == [f"left:{20 * time:.3f}%" for time in range(FRAMES)]
    for video, keys in zip(page.data()[0]["videos"], KEYS, strict=True):
        assert list(zip(video["keys"], video["since"], strict=True)) == keys
    assert "2iteration 31" in page.text and "0, 5from the start" in page.text


def sheet_frames(folder: Path, sheet: str) -> Any:
    """The frames of 8 x 10 pixels below one another in a sheet."""
    kind, encoded = sheet.split(",", 1)
    assert kind == "data:image/png;base64"
    path = folder / "sheet.png"
    path.write_bytes(base64.b64decode(encoded))
    with av.open(path) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return picture.reshape(-1, 8, 10, 3)


def test_sheets_hold_the_exact_key_frames(tmp_path: Path, make_run: Make) -> None:
    page = report(tmp_path, make_run())
    pixels = condensed_videos().pixels().permute(0, 1, 3, 4, 2).numpy()
    videos = page.data()[0]["videos"]
    for video, (shown, sheet) in enumerate(zip(videos, page.of_class("sheet"), strict=True)):
        assert np.array_equal(sheet_frames(tmp_path, sheet["src"]), pixels[video, shown["keys"]])


@pytest.mark.parametrize("interpolation", ["nearest", "smooth"])
def test_other_interpolations_are_drawn_exactly(tmp_path: Path, make_run: Make, interpolation: Any) -> None:
    made = dataclasses.replace(condensed_videos(), interpolation=interpolation, segments=(0, 4))
    run = make_run()
    made.save(run / "condensed.safetensors")
    pixels = made.pixels().permute(0, 1, 3, 4, 2).numpy()
    page = report(tmp_path, run)
    assert ("the frames between are blended" in page.text) == (interpolation == "nearest")
    for video, shown in enumerate(page.data()[0]["videos"]):
        assert shown["keys"] == [time for time, _ in KEYS[video]]
        sheet = sheet_frames(tmp_path, page.of_class("sheet")[video]["src"])
        assert len(sheet) == (FRAMES if interpolation == "smooth" else len(KEYS[video]))
        drawn = np.stack([w * sheet[i] + (1 - w) * sheet[j] for i, j, w in shown["mix"]])
        assert np.array_equal(drawn, pixels[video])


def test_linear_blends_stop_at_the_borders_of_segments(tmp_path: Path, make_run: Make) -> None:
    run = make_run()
    whole = report(tmp_path, run).data()[0]["videos"][0]["mix"]
    assert [i * w + j * (1 - w) for i, j, w in whole] == pytest.approx([0, 0.5, 1, 4 / 3, 5 / 3, 2], abs=1e-5)
    dataclasses.replace(condensed_videos(), segments=(0, 4)).save(run / "condensed.safetensors")
    first, middle, last = (video["mix"] for video in report(tmp_path, run).data()[0]["videos"])
    for mix, expected in (
        (first, [0, 0.5, 1, 1, 2, 2]),
        (middle, [0, 0, 0, 0, 1, 1]),
        (last, [0, 1, 1.5, 2, 3, 3]),
    ):
        assert [i * w + j * (1 - w) for i, j, w in mix] == expected


def test_memories_are_shown_clip_by_clip(
    tmp_path: Path, make_run: Make, memories: Callable[..., StaticDynamicVideos]
) -> None:
    run = make_run()
    made = memories([0, 1, 2], CLASSES, FRAMES, (8, 10))
    made.save(run / "condensed.safetensors")
    rows = [{"event": "iteration", "iteration": i, "loss": 5.0 - i, "key_frames": 18} for i in range(4)]
    rows = [{**row, "stage": "static" if row["iteration"] < 2 else "dynamic"} for row in rows]
    (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)))
    page = report(tmp_path, run)
    text = plain(page.text)
    data = page.data()[0]
    assert (data["whole"], len(data["videos"])) == ("rendered", 12)
    assert [video["keys"] for video in data["videos"]] == [list(range(FRAMES))] * 12
    assert "1 synthetic clip per class: 6 static and 6 dynamic memories and a hallucinator" in text
    stored, every = 6 * (3 + FRAMES) * 80 + 327, 3 * FRAMES * 3 * 80
    assert f"{100 * stored / every:.0f} % of what as many clips would take" in text.replace("\u00a0", " ")
    assert "float32 memories" in text
    assert "every frame is stored" not in text and "stored frame" not in text and "key frames, as" not in text
    assert [f"combination {n} of 4" in text for n in range(1, 6)] == [True] * 4 + [False]
    assert "The first 2 iterations are the static stage" in text


def test_says_accuracy_beside_random_selection(tmp_path: Path, make_run: Make) -> None:
    text = plain(report(tmp_path, make_run(), make_run("second", "random", 0.5)).text)
    assert "recognises 62.5 ± 1.2 % of 12 real test videos" in text
    assert "standard deviation of 2 networks, 1 more diverged, protocol strict" in text
    assert "12.5 points above random selection" in text
    assert "random selection 50.0 ± 1.2 %" in text and "chance 33.3 %" in text
    assert "1 of 3" in text, "diverged networks are not shown"
    assert "100.0 %" not in text, "top-5 among three classes says nothing"
    # 90 videos of 6 frames of 8 x 10 pixels against 9 key frames.
    assert "60 ×" in text and f"{9 * 3 * 8 * 10 * 4 / 2**20:.3f} MiB" in text


def test_accuracy_in_other_orders_of_frames_stands_below(tmp_path: Path, make_run: Make) -> None:
    run = make_run("run")
    file = run / "evaluations" / "strict.json"
    orders = {"shuffled": {"mean": 0.375, "std": None, "values": [0.375, None]}}
    orders["stilled"] = {"mean": None, "std": None, "values": [None]}
    text = write_report([run], tmp_path / "without.html").read_text()
    assert "frames of test videos shuffled" not in text
    file.write_text(json.dumps(json.loads(file.read_text()) | {"controls": orders}))
    text = write_report([run], tmp_path / "report.html").read_text()
    assert re.search(r"<small>shuffled: 37\.5\s%</small>", text) and "<small>stilled" not in text
    assert "frames of test videos shuffled" in text


def test_a_difference_within_the_spread_is_no_gain(tmp_path: Path, make_run: Make) -> None:
    text = plain(report(tmp_path, make_run(), make_run("second", "random", 0.615)).text)
    assert "within the spread of random selection" in text and "above random" not in text


def test_two_networks_of_two_kinds_have_no_spread(tmp_path: Path, make_run: Make) -> None:
    runs = [make_run(), make_run("second", "random", 0.5)]
    path = runs[0] / "evaluations" / "strict.json"
    two = {"mean": 0.75, "std": None, "values": [0.7, 0.8]}
    value = json.loads(path.read_text()) | {"networks": 2, "diverged": 0, "top1": two}
    path.write_text(json.dumps(value | {"network": "minic3d+convnet3d"}))
    text = plain(report(tmp_path, *runs).text)
    assert "75.0 % of 12 real test videos (mean of 2 networks, one of a kind," in text


def test_one_network_has_no_spread(tmp_path: Path, make_run: Make) -> None:
    runs = [make_run(), make_run("second", "random", 0.5)]
    path = runs[0] / "evaluations" / "strict.json"
    one = {"mean": 0.75, "std": 0.0, "values": [0.75]}
    path.write_text(json.dumps({**json.loads(path.read_text()), "networks": 1, "diverged": 0, "top1": one}))
    text = plain(report(tmp_path, *runs).text)
    assert "75.0 % of 12 real test videos (one network only" in text and "75.0 ±" not in text
    assert "above random selection of as many real clips; a single network cannot tell" in text


def test_data_cannot_close_its_script() -> None:
    text = script_json({"name": "</script><!--"})
    assert "<" not in text and json.loads(text) == {"name": "</script><!--"}


def test_shades_warm_up_and_cool_down(tmp_path: Path, make_run: Make) -> None:
    source = report(tmp_path, make_run()).source
    inserted = source[source.index("When and where") :]
    wide = re.search(r'<div class="wide"><svg viewBox="0 0 820 .*?</svg>', inserted)
    assert wide is not None and "warm-up</text>" in wide[0] and "cool-down</text>" in wide[0]
    grid = re.search(r'<path d="M ([\d.]+) \S+ L ([\d.]+) ', wide[0])
    assert grid is not None
    left, right = float(grid[1]), float(grid[2])
    shades = [
        path.split()[1::3] for path in re.findall(r'<path d="([^"]*)" style="fill: var\(--sunk\)', wide[0])
    ]
    places = [[float(x) for x in xs] for xs in shades]
    spans = [[(x - left) / (right - left) for x in (min(xs), max(xs))] for xs in places]
    assert spans == [pytest.approx([0, 0.2]), pytest.approx([0.7, 1])]


def test_confusion_counts_are_in_the_table(tmp_path: Path, make_run: Make) -> None:
    source = report(tmp_path, make_run()).source
    body = re.search(r'<table class="confusion small".*?<tbody>(.*?)</tbody>', source, re.DOTALL)
    assert body is not None
    rows = [re.findall(r"<td[^>]*>(\d*)</td>", row) for row in body[1].split("</tr>")[:-1]]
    assert rows == [["6", "2", ""], ["1", "4", "3"], ["3", "", "5"]]


@pytest.mark.parametrize(
    ("remove", "said"),
    [
        ("evaluations/strict.json", "Not evaluated yet"),
        ("metrics.jsonl", "No losses were logged"),
        ("run.json", "unnamed dataset"),
        ("condensed.safetensors", "no condensed set yet"),
    ],
)
def test_missing_parts_are_named_not_fatal(tmp_path: Path, make_run: Make, remove: str, said: str) -> None:
    folder = make_run()
    (folder / remove).unlink()
    assert said in report(tmp_path, folder).text


def test_tabs_only_for_several_runs(tmp_path: Path, make_run: Make) -> None:
    first, second = make_run(), make_run("second")
    assert not report(tmp_path, first).of_class("tabs")
    page = report(tmp_path, first, second)
    tabs = [a for _, a in page.elements if a.get("role") == "tab"]
    panels = [a["id"] for a in page.of_class("run")]
    assert [a["aria-controls"] for a in tabs] == panels == ["run-0", "run-1"]


def test_a_failed_write_leaves_the_old_page(tmp_path: Path, make_run: Make) -> None:
    out = tmp_path / "page.html"
    out.mkdir()
    with pytest.raises(VidcondenseError, match="cannot write"):
        write_report([make_run()], out)
    assert not list(tmp_path.glob("*.tmp")) and not list(tmp_path.glob(".*.tmp"))


def test_a_whole_dataset_is_a_row_and_no_more(tmp_path: Path, make_run: Make) -> None:
    first, whole = make_run("first"), tmp_path / "whole.json"
    store = {"name": "tiny <b>set</b>", "fingerprint": "f1", "split": "1", "videos": 90, "flip": 0.5}
    whole.write_text(json.dumps({**evaluation(0.875), "trained_on": store}))
    alone = Page(write_report([first], tmp_path / "alone.html"))
    beside = Page(write_report([whole, first], tmp_path / "beside.html"))
    assert "all training clips" in beside.text
    assert "87.5" in beside.text
    assert "87.5" not in alone.text
    assert "do not compare" not in beside.text
    assert beside.data() == alone.data()
    assert beside.of_class("lead") == alone.of_class("lead")
    assert len(beside.of_class("run")) == len(alone.of_class("run")) == 1
    with pytest.raises(VidcondenseError, match="at least one"):
        write_report([whole], tmp_path / "none.html")
    with pytest.raises(VidcondenseError, match=r"strict\.json is not an evaluation of a whole store"):
        write_report([first, first / "evaluations" / "strict.json"], tmp_path / "none.html")


def test_coded_real_clips_of_as_many_bytes_stand_beside_a_run(make_run: Make, tmp_path: Path) -> None:
    """What anyone would keep instead; the best of those that are no larger, under the same test."""
    ours = make_run("ours", mean=0.625)
    size = (ours / "condensed.safetensors").stat().st_size
    for name, mean in (("coded", 0.5), ("better", 0.55)):
        run = make_run(name, "random coded", mean)
        replace(condensed_videos(), storage="av1").save(run / "condensed.safetensors")
        assert (run / "condensed.safetensors").stat().st_size < size
    plain = make_run("plain", "random", 0.61)
    write_report([ours, tmp_path / "coded", tmp_path / "better", plain], tmp_path / "page.html")
    text = " ".join(Page(tmp_path / "page.html").text.split())
    assert re.search(r"codec instead: beside [\d,]+ bytes of them it is 7.5 points above better\.", text)
    assert re.search(r"coded real clips of [\d,]+ bytes 55.0\s±\s1.2", text)
    few = json.loads((tmp_path / "better" / "evaluations" / "strict.json").read_text())
    few["settings"] = {"epochs": 0, "steps": 100}
    (tmp_path / "better" / "evaluations" / "strict.json").write_text(json.dumps(few))
    write_report([ours, tmp_path / "coded", tmp_path / "better"], tmp_path / "page.html")
    assert "12.5 points above coded." in " ".join(Page(tmp_path / "page.html").text.split())
    write_report([tmp_path / "coded", ours], tmp_path / "page.html")


def test_real_clips_side_by_side_are_held_against_those_with_a_stream_each(
    make_run: Make, tmp_path: Path
) -> None:
    ours, usual = make_run("ours", "random coded", 0.625), make_run("usual", "random coded", 0.5)
    for run, tiles in ((ours, 16), (usual, 1)):
        replace(condensed_videos(), storage="av1").save(run / "condensed.safetensors")
        described = json.loads((run / "run.json").read_text())
        described["recipe"]["tiles"] = tiles
        (run / "run.json").write_text(json.dumps(described))
    for first, second, said in ((ours, usual, True), (usual, ours, False)):
        write_report([first, second], tmp_path / "page.html")
        text = " ".join(Page(tmp_path / "page.html").text.split())
        assert ("codec instead: beside as many bytes of them it is 12.5 points above usual." in text) == said


def test_storage_is_what_the_file_has(make_run: Make, tmp_path: Path) -> None:
    run = make_run()
    write_report([run], tmp_path / "page.html")
    text = " ".join(Page(tmp_path / "page.html").text.split())
    size = (run / "condensed.safetensors").stat().st_size
    pixels = 90 * FRAMES * 3 * 8 * 10
    assert f"{size / 1e3:.2f} KB" in text.replace("\xa0", " ")
    assert f"{size:,} bytes of the file, frames as float32" in text
    assert f"{pixels / size:.0f} × smaller than a clip of each real training video" in text.replace(
        "\xa0", " "
    )


def test_accuracy_stands_against_bytes(tmp_path: Path, make_run: Make) -> None:
    runs = [make_run("ours"), make_run("small", "random", 0.5), make_run("none", mean=None)]
    replace(condensed_videos(), storage="uint8").save(runs[1] / "condensed.safetensors")
    for run in runs[:2]:
        path = run / "evaluations" / "strict.json"
        value = json.loads(path.read_text())
        three = {"mean": value["top1"]["mean"], "std": 0.05, "values": [value["top1"]["mean"]] * 3}
        path.write_text(json.dumps(value | {"top1": three, "test_videos": 10_000}))
    page = report(tmp_path, *runs)
    text = plain(page.text).replace("\u00a0", " ")
    own, other = ((run / "condensed.safetensors").stat().st_size for run in runs[:2])
    assert f"small: {other / 1e3:.2f} KB, 50.0 % (37.6 % to 62.4 %) ours: {own / 1e3:.2f} KB, 62.5 %" in text
    assert f"the condensed set ours {own:,}" in text and "their own files" not in text
    (chart,) = (a for a in page.of_class("chart") if "against bytes" in a["aria-label"])
    assert "1: small, " in chart["aria-label"] and "2: ours, " in chart["aria-label"]
    assert "95 % intervals" in text and "Too few networks" not in text


def test_without_an_evaluation_there_is_no_chart_of_accuracy(tmp_path: Path, make_run: Make) -> None:
    page = report(tmp_path, make_run(mean=None))
    assert "the condensed set first" in plain(page.text)
    assert not page.of_class("points") and "against bytes" not in page.source


def test_only_what_was_learned_may_look_like_noise(tmp_path: Path, make_run: Make) -> None:
    sentence = "Learned clips may look like noise: "
    assert sentence in plain(report(tmp_path, make_run("learned")).text)
    assert sentence not in plain(report(tmp_path, make_run("chosen", "random")).text)
    still = make_run("still")
    (still / "metrics.jsonl").unlink()
    assert sentence not in plain(report(tmp_path, still).text)
