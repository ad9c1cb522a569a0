"""Files from strangers: whatever is done to one, it is read or refused in one line, and nothing else happens.

Whole folders as this program writes them, of which one file is changed: bytes flipped, cut, repeated and put
in; values of its JSON replaced by hostile ones, in the header of safetensors too, with pointers out of range
and huge shapes. A reader then does everything that a user's commands would.
"""

import importlib.util
import io
import json
import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import quick
import torch
from hypothesis import HealthCheck, given, settings
from rich.console import Console

from hostile import EVIL, changes
from vidcondense import toys
from vidcondense.base.compute import choose
from vidcondense.base.errors import VidcondenseError
from vidcondense.benchmark.cell import Cell
from vidcondense.benchmark.options import Options
from vidcondense.benchmark.rows import build_rows, read_result
from vidcondense.benchmark.tasks import Task
from vidcondense.condensed import CondensedVideos, DisplacedVideos, KeyFrameVideos, StaticDynamicVideos, merge
from vidcondense.condensed.export import export
from vidcondense.condensed.hallucinator import initial
from vidcondense.condensed.show import describe
from vidcondense.condensed.summary import Summary
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import Strict
from vidcondense.evaluation.shared import evaluate
from vidcondense.experts.buffer import Experts
from vidcondense.experts.settings import ExpertSettings
from vidcondense.experts.training import train
from vidcondense.recipes import load as recipe
from vidcondense.recipes.reading import from_dict
from vidcondense.report.page import build_page
from vidcondense.report.run import load_runs
from vidcondense.run.checkpoint import Checkpoint
from vidcondense.run.folder import RunFolder
from vidcondense.run.loop import condense
from vidcondense.run.state import State

EXAMPLES = 1500
SLOW = {
    "expert weights": 200,
    "condensed memories": 600,
    "condensed video": 600,
    "condensed fields": 600,
    "run.json in a report": 600,
}
MEBIBYTE = 2**20
FORBIDDEN = (
    "os.system",
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "pickle.find_class",
    "socket.connect",
)


@dataclass
class Watch:
    """Notes forbidden events of the interpreter while it is on; audit hooks cannot be taken off again."""

    on: bool = False
    code: bool = False
    allowed: tuple[str, ...] = ()
    seen: list[str] = field(default_factory=list)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        module = event == "open" and Path(str(arguments[0])).name.startswith(("evil.py", "evil.cpython"))
        code = module and not self.code
        if event in FORBIDDEN or code:
            self.seen.append(f"{event} {arguments!r:.200}")
        flags = arguments[2] if event == "open" and isinstance(arguments[2], int) else 0
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        made = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink")
        if (writes or made) and isinstance(arguments[0], str | bytes | Path):
            path = str(arguments[1] if event == "os.rename" else arguments[0])
            handle = arguments[-1] if made and isinstance(arguments[-1], int) else -1
            inside = Path(f"/proc/self/fd/{handle}").readlink() if handle >= 0 else Path.cwd()
            # Of a file that is made or removed the folder counts, of one that is opened where links lead.
            whole = Path(inside, path)
            real = os.path.realpath(whole if event == "open" else whole.parent)
            if path != "/dev/null" and not f"{real}/".startswith(self.allowed):
                self.seen.append(f"{event} {path}")


WATCH = Watch()
sys.addaudithook(WATCH.hook)


@contextmanager
def watched(folder: Path, *, code: bool = False) -> Iterator[None]:
    """Nothing forbidden happens, nothing is written outside `folder`, and memory stays where it was."""
    WATCH.code = code
    WATCH.seen, WATCH.allowed, WATCH.on = [], (f"{folder.resolve()}/",), True
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        yield
    finally:
        WATCH.on = False
    assert not WATCH.seen
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024, "over 64 MiB more memory"


def read_condensed(folder: Path) -> None:
    path = folder / "condensed.safetensors"
    condensed = CondensedVideos.load(path)
    Console(file=io.StringIO(), width=100).print(describe(Summary.read(path), path))
    export(condensed, folder / "png", "frames")
    _ = condensed[0], condensed.vpc, condensed.stored_mib
    condensed.save(folder / "again.safetensors")
    merge([condensed, condensed.select(condensed.class_names[::-1])]).save(folder / "merged.safetensors")
    CondensedVideos.load(folder / "merged.safetensors").render()
    build_page(load_runs([folder])).encode(errors="replace")


def read_report(folder: Path) -> None:
    build_page(load_runs([folder])).encode(errors="replace")


def read_store(folder: Path) -> None:
    store = ClipStore.open(folder)
    _ = store.paths, store.by_class("train")
    for clips, labels in store.read_all("test", windows=2):
        assert clips.shape[1:] == (store.frames, 3, store.size, store.size)
        assert int(labels.max()) < len(store.class_names)
    store.stills()


def read_experts(folder: Path) -> None:
    experts = Experts.open(folder)
    _ = experts.fingerprint, experts.finished
    for number in range(experts.count):
        for epoch in range(len(experts.records[number])):
            assert experts.weights(number, epoch).isfinite().all()


def read_run(folder: Path) -> None:
    run = RunFolder(folder)
    known = run.read()
    made = run.recipe(known)
    _ = known["store"]["path"], made.portable(), made.stages


def read_recipe(folder: Path) -> None:
    made = recipe.load(str(folder / "own.toml"))
    from_dict(made.to_dict())
    _ = made.portable(), made.stages


TASK = (Cell("PRISM", "1", "prism", 1, networks=("minic3d",)), Options(networks=1), "1", 0)


def read_benchmark(folder: Path) -> None:
    cell, options, split, seed = TASK
    task = Task(cell, options, folder, split, seed)
    for row in build_rows({cell: read_result({(split, seed): task})}, "top1"):
        assert row.mean is None or 0 <= row.mean <= 100


READERS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "condensed float32": (read_condensed, "key_frames", "condensed.safetensors"),
    "condensed uint8": (read_condensed, "levels", "condensed.safetensors"),
    "condensed memories": (read_condensed, "memories", "condensed.safetensors"),
    "condensed video": (read_condensed, "video", "condensed.safetensors"),
    "condensed fields": (read_condensed, "fields", "condensed.safetensors"),
    "run.json": (read_run, "run", "run.json"),
    "run.json in a report": (read_report, "run", "run.json"),
    "metrics.jsonl": (read_report, "run", "metrics.jsonl"),
    "evaluation": (read_report, "run", "evaluations/strict.json"),
    "store index": (read_store, "store", "index.json"),
    "store table": (read_store, "store", "videos.npy"),
    "store paths": (read_store, "store", "paths.json"),
    "experts index": (read_experts, "experts", "experts.json"),
    "expert weights": (read_experts, "experts", "expert-000/epoch-001.safetensors"),
    "recipe": (read_recipe, "recipe", "own.toml"),
    "benchmark evaluation": (read_benchmark, "benchmark", "evaluations/strict.json"),
    "benchmark run.json": (read_benchmark, "benchmark", "run.json"),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of each kind."""
    root = tmp_path_factory.mktemp("whole")
    source = toys.generate(
        "actions",
        root / "clips",
        train_per_class=3,
        test_per_class=2,
        classes=2,
        frames=8,
        size=40,
        workers=1,
    )
    store = prepare(source, root / "store", frames=4, size=32, workers=1, progress=False)
    made = condense(store, quick.load("prism"), root / "run", device="cpu", show=False)
    assert isinstance(made, KeyFrameVideos)
    result = evaluate(made, store, networks_count=1, protocol=Strict(), device="cpu", show=False).to_dict()
    (root / "run" / "evaluations").mkdir()
    (root / "run" / "evaluations" / "strict.json").write_text(json.dumps(result))
    cell, options, split, seed = TASK
    shutil.copytree(root / "run", Task(cell, options, root / "benchmark", split, seed).folder)
    few = ExpertSettings(count=2, epochs=1, batch=4)
    train(store, root / "experts", few, compute=choose("cpu", "float32"), show=False)
    about = {name: getattr(made, name) for name in ("class_names", "frames", "mean", "std", "provenance")}
    (root / "key_frames").mkdir()
    made.save(root / "key_frames" / "condensed.safetensors")
    (root / "levels").mkdir()
    targets = torch.randn(len(made), 2)
    own = {name: getattr(made, name) for name in ("key_frames", "positions", "counts", "labels")}
    levels = KeyFrameVideos(
        **own, **about, storage="uint8", targets=targets, learning_rate=0.1, interpolation="smooth"
    )
    levels.save(root / "levels" / "condensed.safetensors")
    (root / "video").mkdir()
    soft = torch.tensor([[255, 17], [34, 255]], dtype=torch.uint8)
    KeyFrameVideos(**own, **about, storage="av1", quality=30, soft_labels=soft).save(
        root / "video" / "condensed.safetensors"
    )
    (root / "fields").mkdir()
    first = {"key_frames": made.render()[:, 0], "positions": torch.zeros(2, dtype=torch.int64)}
    fields = torch.randn(2 * (made.frames - 1), 2, 4, 4) / 50
    ones, labels = torch.ones(2, dtype=torch.int64), torch.arange(2)
    displaced = DisplacedVideos(**first, fields=fields, counts=ones, labels=labels, **about, storage="av1")
    displaced.save(root / "fields" / "condensed.safetensors")
    (root / "memories").mkdir()
    weight, bias = initial(torch.Generator().manual_seed(0))
    static, dynamic = torch.randn(4, 3, 4, 4), torch.randn(4, 4, 1, 4, 4)
    labels = torch.tensor([0] * 4 + [1] * 4)
    memories = StaticDynamicVideos(
        static=static, dynamic=dynamic, weight=weight, bias=bias, labels=labels, **about
    )
    memories.save(root / "memories" / "condensed.safetensors")
    (root / "recipe").mkdir()
    own_recipe = (Path(recipe.__file__).parent / "prism.toml").read_text()
    (root / "recipe" / "own.toml").write_text(own_recipe)
    return root


@pytest.mark.parametrize("deed", ["up", "flags", "link", "module", "rename"])
def test_the_watch_sees(deed: str, tmp_path: Path) -> None:
    """What the tests below rely on."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "evil.py").write_text("")
    (inside / "file").write_text("")
    spec = importlib.util.spec_from_file_location("own", inside / "evil.py")
    assert spec and spec.loader
    run, module = spec.loader.exec_module, importlib.util.module_from_spec(spec)
    deeds: dict[str, Callable[[], object]] = {
        "up": lambda: (inside / ".." / "outside" / "x").write_text(""),
        "flags": lambda: os.close(os.open(outside / "x", os.O_CREAT | os.O_WRONLY)),
        "link": lambda: (inside / "link" / "x").write_text(""),
        "module": lambda: run(module),
        "rename": lambda: (inside / "file").replace(outside / "x"),
    }
    with pytest.raises(AssertionError), watched(inside):
        deeds[deed]()


@pytest.mark.parametrize("kind", READERS)
def test_it_is_read_or_refused(kind: str, folders: Path, tmp_path: Path) -> None:
    read, folder, name = READERS[kind]
    copy = tmp_path / "copy"
    shutil.copytree(folders / folder, copy)
    (target,) = (path for path in copy.rglob(Path(name).name) if str(path).endswith(name))
    whole = target.read_bytes()
    Path(EVIL).write_text("class Network: pass")  # what a hostile value names is there to be loaded
    read(copy)  # as it is; and whatever is loaded late is loaded now
    outcomes = {"read": 0, "refused": 0}

    examples = SLOW.get(kind, EXAMPLES)

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(changes(whole, name))
    def check(data: bytes) -> None:
        target.write_bytes(data)
        try:
            with watched(tmp_path, code=kind == "recipe"):  # which may name code, by design
                read(copy)
            outcomes["read"] += 1
        except VidcondenseError:
            outcomes["refused"] += 1
        finally:
            for made in ("png", "again.safetensors", "merged.safetensors"):
                if (copy / made).is_dir():
                    shutil.rmtree(copy / made)
                (copy / made).unlink(missing_ok=True)

    check()
    print(f"{kind}: {outcomes}")
    assert outcomes["refused"] > examples // 100 or kind == "metrics.jsonl", outcomes  # lines are passed over
    assert outcomes["read"] > examples // 100 or kind == "expert weights", outcomes  # which have a hash


def test_a_checkpoint_is_restored_or_refused(folders: Path, tmp_path: Path) -> None:
    store = ClipStore.open(folders / "store")
    state = State.start(store, quick.load("prism"), choose("cpu", "float32"))
    state.iterate()
    path = tmp_path / "checkpoint.safetensors"
    state.checkpoint(0).save(path)
    whole = path.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(
        max_examples=EXAMPLES // 3, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(changes(whole, path.name))
    def check(data: bytes) -> None:
        path.write_bytes(data)
        try:
            state.restore(Checkpoint.load(path))
        except (VidcondenseError, KeyError, RuntimeError):  # the last two become one line in `resume`
            return
        assert state.synthetic.render().shape == (2, 4, 3, 32, 32)

    check()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
