"""What examples and documentation show runs and is true."""

import dataclasses
import functools
import json
import re
import runpy
import shlex
import shutil
import sys
import tomllib
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import quick
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import vidcondense
from vidcondense import ClipStore, CondensedVideos, cli
from vidcondense.base.interrupt import Interrupted
from vidcondense.condensed import DisplacedVideos, KeyFrameVideos, StaticDynamicVideos
from vidcondense.condensed.header import Storage
from vidcondense.condensed.interpolation import Interpolation
from vidcondense.evaluation.protocols import PROTOCOLS, Strict, Strong
from vidcondense.evaluation.results import NetworkResult
from vidcondense.evaluation.teachers import TeacherSettings
from vidcondense.evaluation.trial import Trial
from vidcondense.experts.settings import ExpertSettings
from vidcondense.recipes.recipe import FAMILIES, Recipe

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def example(name: str) -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "examples" / f"{name}.py"))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def python_block(name: str, number: int = 0) -> str:
    return re.findall(r"```python\n(.*?)```", text(name), re.DOTALL)[number]


@pytest.fixture
def run(tiny_store: ClipStore, tmp_path: Path) -> Path:
    """A finished run with an inserted key frame, so that videos differ in length."""
    overrides = {"insertion.threshold": 1.0, "insertion.check_every": 3}
    vidcondense.condense(tiny_store, quick.load("prism", overrides=overrides), tmp_path / "run", show=False)
    return tmp_path / "run"


def test_condense_your_videos(tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, "strong", lambda: Strong(steps=4, epochs=1))  # type: ignore[arg-type]
    main = example("condense_your_videos")["main"]
    recipes = ("prism_small", "random")
    videos = tiny_store_path.parent / "clips"
    small = {"networks": 1, "frames": 4, "size": 32}
    page = main(videos, tmp_path, recipes=recipes, **small)
    assert page.stat().st_size > 1000
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    main(videos, tmp_path, recipes=recipes, **small)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert {path for path in after if after[path] != before[path]} == {page}


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_condense_your_videos_goes_on_after_an_interruption_in_the_evaluation(
    stop: int, tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first network, between networks, and in the evaluation of the second run."""
    main = example("condense_your_videos")["main"]
    monkeypatch.setitem(PROTOCOLS, "strong", lambda: Strong(steps=2, epochs=1))  # type: ignore[arg-type]
    videos = tiny_store_path.parent / "clips"
    monkeypatch.chdir(tmp_path)
    recipe = 'based_on = "dm_small"\nname = "quick"\niterations = 2\n[objective]\nbatch_real = 2\n'
    Path("quick.toml").write_text(recipe)
    small = {"recipes": ("quick.toml", "random"), "networks": 1, "frames": 4, "size": 32}
    main(videos, tmp_path / "whole", **small)
    train, trained = Trial.run, []

    def run(self: Trial, number: int, advance: Any) -> NetworkResult:
        trained.append(number)
        if len(trained) == stop:
            raise Interrupted
        return train(self, number, advance)

    with monkeypatch.context() as patch:
        patch.setattr(Trial, "run", run)
        with pytest.raises(Interrupted):
            main(videos, tmp_path / "cut", **small)
        main(videos, tmp_path / "cut", **small)
    assert len(trained) == 5  # the one that was cut short is the only one trained again
    whole, cut = (timeless(tmp_path / name) for name in ("whole", "cut"))
    assert cut.keys() == whole.keys()
    assert all(cut[name] == whole[name] for name in cut if name != "report.html")


def timeless(folder: Path) -> dict[str, Any]:
    """Every file, evaluations without their seconds and runs without these and the path of their store."""
    found: dict[str, Any] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            value: Any = path.read_bytes()
            if path.parent.name == "evaluations" or path.name == "run.json":
                value = {**json.loads(value), "seconds": 0}
                value.get("store", {}).pop("path", None)
            found[str(path.relative_to(folder))] = value
    return found


def test_train_on_condensed(run: Path, tiny_store_path: Path) -> None:
    accuracy = example("train_on_condensed")["main"](run / "condensed.safetensors", tiny_store_path, epochs=2)
    assert 0 <= accuracy <= 1


def folder_of_videos(folder: Path, clips: Path) -> None:
    (folder / "videos").symlink_to(clips)


def hmdb51(folder: Path, clips: Path) -> None:
    """HMDB51 in small, with two splits."""
    (folder / "HMDB51" / "splits").mkdir(parents=True)
    for kind in sorted((clips / "train").iterdir()):
        (folder / "HMDB51" / "videos" / kind.name).mkdir(parents=True)
        for number, file in enumerate(sorted(kind.iterdir())[:3]):
            shutil.copy(file, folder / "HMDB51" / "videos" / kind.name / f"v{number}.mp4")
        for split in (1, 2):
            lines = [f"v{number}.mp4 {2 if number == split else 1}\n" for number in range(3)]
            (folder / "HMDB51" / "splits" / f"{kind.name}_test_split{split}.txt").write_text("".join(lines))


def a_condensed_file(folder: Path, clips: Path) -> None:
    key_frames().save(folder / "condensed.safetensors")


def half_precision_file(folder: Path, clips: Path) -> None:
    """As `condense` writes it."""
    key_frames(storage="float16").save(folder / "condensed.safetensors")


def nothing(folder: Path, clips: Path) -> None:
    pass


def a_store(folder: Path, clips: Path) -> None:
    (folder / "store").symlink_to(clips.parent / "store")


@dataclasses.dataclass(frozen=True)
class Scene:
    """What a script needs to run, what is made smaller in it, and what it has to end with.

    Attributes:
        set_up: writes what it reads, by its folder and that of some clips.
        smaller: parts of its text and what they are replaced by.
        shapes: of arrays that it makes, by their names.
    """

    set_up: Callable[[Path, Path], None]
    smaller: dict[str, str] = dataclasses.field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)


SCENES = {
    ("README.md", 0): Scene(
        folder_of_videos,
        {"store)": "store, networks_count=1)", "frames=8, size=64": "frames=4, size=32"},
        {"clip": (4, 3, 32, 32)},
    ),
    ("docs/data.md", 0): Scene(hmdb51, shapes={"clips": (9, 16, 3, 112, 112), "labels": (9,)}),
    ("docs/export.md", 0): Scene(a_condensed_file, shapes={"clip": (10, 3, 2, 2)}),
    ("docs/format.md", 0): Scene(half_precision_file, shapes={"labels": (3,)}),
    ("docs/generated.md", 0): Scene(
        nothing, {"train_per_class=40, test_per_class=20": "train_per_class=1, test_per_class=1"}
    ),
    ("docs/track.md", 0): Scene(a_store, {'"prism_small"': '__import__("quick").load("prism_small")'}),
}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        (str(page.relative_to(ROOT)), number)
        for page in PAGES
        for number in range(page.read_text(encoding="utf-8").count("```python"))
    ],
)
def test_every_script_of_the_documentation_runs(
    name: str, number: int, tiny_store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROTOCOLS, "strong", lambda: Strong(steps=4, epochs=1))  # type: ignore[arg-type]
    scene, code = SCENES[name, number], python_block(name, number)
    scene.set_up(tmp_path, tiny_store_path.parent / "clips")
    for shown, smaller in scene.smaller.items():
        assert shown in code
        code = code.replace(shown, smaller)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code, names)
    assert {key: tuple(names[key].shape) for key in scene.shapes} == scene.shapes


def test_every_command_of_the_documentation_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def stub(command: Callable[..., None]) -> Callable[..., None]:
        return functools.wraps(command)(lambda *_, **__: called.append(command.__name__))

    monkeypatch.setattr(cli, "COMMANDS", tuple(stub(command) for command in cli.COMMANDS))
    lines = [line for page in PAGES for line in commands(page.read_text(encoding="utf-8"))]
    for line in lines:
        monkeypatch.setattr(sys, "argv", shlex.split(line, comments=True))
        try:
            cli.main()
        except SystemExit:
            pytest.fail(line)
    assert len(called) == len(lines) > 30
    assert {"prepare", "condense", "evaluate", "merge", "report", "benchmark"} <= set(called)


def commands(page: str) -> list[str]:
    """The commands in blocks of a page; not those that show options in brackets, which are no commands."""
    found = re.findall(r"^    (vidcondense .*(?:\n     .*)*)", page, re.MULTILINE)
    return [line.replace("\\\n", " ") for line in found if "[" not in line]


def key_frames(**changes: Any) -> KeyFrameVideos:
    """Three videos with different key frames, some in every segment from 0 and from 3."""
    positions = [[0, 1, 3, 4, 6, 9], [2, 8], [0, 4, 9]]
    made = KeyFrameVideos(
        key_frames=torch.randn(11, 3, 2, 2, generator=torch.Generator().manual_seed(0)),
        positions=torch.tensor([time for part in positions for time in part]),
        counts=torch.tensor([len(part) for part in positions]),
        labels=torch.arange(3),
        class_names=("a", "b", "c"),
        frames=10,
        mean=(0.4, 0.5, 0.45),
        std=(0.2, 0.25, 0.22),
    )
    return dataclasses.replace(made, **changes)


STORAGES = typing.get_args(Storage)
INTERPOLATIONS = typing.get_args(Interpolation)


def read_as_shown(path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What examples/read_condensed.py makes of a file."""
    monkeypatch.setattr(sys, "argv", ["read_condensed.py", str(path)])
    return example("read_condensed")


def test_the_usual_kind_can_be_read_as_the_format_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    half_precision_file(tmp_path, tmp_path)
    names: dict[str, Any] = {}
    exec(python_block("docs/format.md"), names)
    rendered = CondensedVideos.load("condensed.safetensors").render().numpy()
    np.testing.assert_allclose(np.stack(names["clips"]), rendered, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("segments", [(0,), (0, 3)])
def test_key_frames_can_be_read_as_the_example_does(
    storage: Any,
    interpolation: Any,
    segments: tuple[int, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "condensed.safetensors"
    key_frames(storage=storage, interpolation=interpolation, segments=segments).save(path)
    agrees(read_as_shown(path, monkeypatch), CondensedVideos.load(path))


def test_enlarged_frames_can_be_read_as_the_example_does(
    memories: Callable[..., StaticDynamicVideos], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, rng = tmp_path / "condensed.safetensors", torch.Generator().manual_seed(0)
    key_frames(key_frames=torch.randn(11, 3, 6, 5, generator=rng), shown=(17, 12)).save(path)
    agrees(read_as_shown(path, monkeypatch), CondensedVideos.load(path))
    dataclasses.replace(memories([0, 0, 1], ("a", "b"), 5, (6, 7)), shown=(12, 9)).save(path)
    agrees(read_as_shown(path, monkeypatch), CondensedVideos.load(path))


@pytest.mark.parametrize("size", [(32, 16), (17, 19)])
def test_coded_video_can_be_read_as_the_example_does(
    size: tuple[int, int],
    memories: Callable[..., StaticDynamicVideos],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, rng = tmp_path / "condensed.safetensors", torch.Generator().manual_seed(0)
    keys = torch.nn.functional.interpolate(2 * torch.randn(11, 3, 3, 4, generator=rng), size, mode="bilinear")
    key_frames(storage="av1", key_frames=keys).save(path)
    agrees(read_as_shown(path, monkeypatch), CondensedVideos.load(path))
    key_frames(storage="av1", key_frames=keys, tiles=1).save(path)
    agrees(read_as_shown(path, monkeypatch), CondensedVideos.load(path))
    dataclasses.replace(memories([0, 0, 1], ("a", "b"), 5, size), storage="av1").save(path)
    agrees(read_as_shown(path, monkeypatch), CondensedVideos.load(path))


@pytest.mark.parametrize("storage", STORAGES)
def test_memories_can_be_read_as_the_example_does(
    storage: Any,
    memories: Callable[..., StaticDynamicVideos],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "condensed.safetensors"
    dataclasses.replace(memories([0, 0, 1], ("a", "b"), 5, (6, 7)), storage=storage).save(path)
    agrees(read_as_shown(path, monkeypatch), CondensedVideos.load(path))


@pytest.mark.parametrize("storage", STORAGES)
def test_displaced_key_frames_can_be_read_as_the_example_does(
    storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, rng = tmp_path / "condensed.safetensors", torch.Generator().manual_seed(0)
    fields = 0.3 * torch.randn(6 + 7, 2, 3, 4, generator=rng)  # of 4 frames, two of them with two, and of 7
    fields[0] *= 10  # looks beyond the edges
    DisplacedVideos(
        key_frames=torch.randn(5, 3, 5, 7, generator=rng),
        positions=torch.tensor([1, 2, 4, 6, 3]),
        counts=torch.tensor([4, 1]),
        fields=fields,
        labels=torch.arange(2),
        class_names=("a", "b"),
        frames=8,
        mean=(0.4, 0.5, 0.45),
        std=(0.2, 0.25, 0.22),
        storage=storage,
    ).save(path)
    agrees(read_as_shown(path, monkeypatch), CondensedVideos.load(path))


def agrees(names: dict[str, Any], made: CondensedVideos) -> None:
    assert names["clips"].dtype == np.float32
    torch.testing.assert_close(torch.from_numpy(names["clips"]), made.render(), rtol=1e-4, atol=1e-5)
    assert np.abs(names["pixels"].astype(int) - made.pixels().numpy()).max() <= 1  # ties may round apart
    assert names["labels"].tolist() == made.labels.tolist()


def test_every_kind_of_content_is_one_that_the_example_reads() -> None:
    script = text("examples/read_condensed.py")
    for kind in (DisplacedVideos, KeyFrameVideos, StaticDynamicVideos):
        assert f'"{kind.representation}"' in script


def test_a_run_can_be_read_as_the_example_does(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = CondensedVideos.load(run / "condensed.safetensors")
    assert len(set(made.key_counts)) > 1 or made.key_counts[0] == 3
    agrees(read_as_shown(run / "condensed.safetensors", monkeypatch), made)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format_version": 5}, "format_version is 5, of which this script knows only [1, 2, 3, 4]"),
        ({"representation": "tinted"}, "representation is 'tinted', of"),
        ({"storage": "int4"}, "storage is 'int4', of"),
        ({"storage": "float16"}, "key_frames is uint8, but storage float16"),
        ({"storage": "float32"}, "key_frames is uint8, but storage float32"),
        ({"interpolation": "cubic"}, "interpolation is 'cubic', of"),
        ({"segments": [1]}, "segments are [1]; they have to ascend from 0"),
        ({"segments": [0, 3, 2]}, "segments are [0, 3, 2]; they"),
        ({"segments": [0, 10]}, "segments are [0, 10]; they have to ascend from 0 and stay below 10"),
        (None, "format_version is 'not there', of"),
    ],
)
def test_the_example_refuses_what_it_does_not_know(
    change: dict[str, Any] | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "condensed.safetensors"
    key_frames(storage="uint8").save(path)
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["vidcondense"])
    metadata = None if change is None else {"vidcondense": json.dumps(header | change)}
    save_file(load_file(path), path, metadata=metadata)
    with pytest.raises(SystemExit) as refused:
        read_as_shown(path, monkeypatch)
    assert str(refused.value.code).startswith(said)
    assert "\n" not in str(refused.value.code)


def flat(kind: type, prefix: str = "") -> dict[str, Any]:
    """Every dotted key and its default."""
    hints = typing.get_type_hints(kind)
    found: dict[str, Any] = {}
    for item in dataclasses.fields(kind):
        if dataclasses.is_dataclass(hints[item.name]):
            found |= flat(typing.cast(type, hints[item.name]), f"{prefix}{item.name}.")
        else:
            made = item.default_factory
            found[f"{prefix}{item.name}"] = item.default if made is dataclasses.MISSING else made()
    return found


def test_the_settings_page_lists_every_recipe_key_with_its_kinds_and_default() -> None:
    page = text("docs/settings.md")
    plain = r"^\| `([\w.]+)` \| [^|]+ \| `([^`]*)` \| [^|]+ \|$"
    shown = {(key, ""): default for key, default in re.findall(plain, page, re.MULTILINE)}
    for key, kinds, default in re.findall(
        r"^\| `([\w.]+)` \| ([^|]+) \| [^|]+ \| `([^`]*)` \| [^|]+ \|$", page, re.MULTILINE
    ):
        every = list(FAMILIES[key.partition(".")[0]].members())
        named = re.findall(r"`(\w+)`", kinds)
        members = named if not kinds.startswith("all") else [kind for kind in every if kind not in named]
        shown |= {(key, kind): default for kind in members}
    expected = {(key, ""): value for key, value in Recipe().fields().items() if "." not in key}
    expected |= {(f"experts.{key}", ""): value for key, value in ExpertSettings().to_dict().items()}
    expected |= {(f"teachers.{key}", ""): value for key, value in TeacherSettings().to_dict().items()}
    for table, family in FAMILIES.items():
        for kind in family.members():
            needed = {"mean_key_frames": 2.0} if kind == "uniform" else {}
            settings = family.settings(kind)(**needed).to_dict()
            del settings["kind"]
            expected |= {(f"{table}.{key}", kind): value for key, value in settings.items()}
    expected["insertion.mean_key_frames", "uniform"] = "needed"
    for pair, value in expected.items():
        quoted = isinstance(value, str) and value != "needed"
        assert shown.pop(pair) == (f'"{value}"' if quoted else str(value)), pair
    assert not shown


@pytest.mark.parametrize("rule", [Strong(), Strict()], ids=["strong", "strict"])
def test_the_protocol_page_has_the_constants(rule: Strong | Strict) -> None:
    section = text("docs/protocol.md").partition(f"## `{rule.name}`")[2].partition("\n## ")[0]
    shown = {name: float(value) for value, name in re.findall(r"([\d.]+) \(`(\w+)`\)", section)}
    constants = dataclasses.asdict(rule)
    constants.pop("name")
    changes = constants.pop("augmentation", None)
    assert shown == constants
    if changes:
        line = next(line for line in section.splitlines() if line.startswith("| augmentation"))
        assert f"up to {1 + changes['zoom']}" in line and changes["shift"] == 1 / 8
        assert f"brightness ± {changes['colour']} and each colour ± {changes['colour'] / 3:.2f}" in line


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_public_names_are_there() -> None:
    assert isinstance(vidcondense, types.ModuleType)
    for name in vidcondense.__all__:
        assert getattr(vidcondense, name) is not None


def test_the_map_names_every_room_in_the_order_of_the_contract() -> None:
    rooms = re.findall(r"^\| `(\w+)` \|", text("docs/architecture.md"), re.MULTILINE)
    contract = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"][0]
    layers = [room for layer in contract["layers"] for room in layer.split(" | ")]
    assert rooms == layers
    assert sorted(rooms) == sorted(
        path.parent.name for path in (ROOT / "src/vidcondense").glob("*/__init__.py")
    )
