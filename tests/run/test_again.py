"""A run that is asked for again: gone on with, returned, refused with the difference, or made anew."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import quick

from vidcondense import ClipStore, CondensedVideos, VidcondenseError, condense, prepare
from vidcondense.base import files
from vidcondense.base.interrupt import Interrupted
from vidcondense.recipes.recipe import Recipe
from vidcondense.run import again
from vidcondense.run.folder import RunFolder
from vidcondense.run.shards import condense_in_shards
from vidcondense.run.state import State

EXAMPLES = Path(__file__).parents[2] / "examples" / "extend"
QUIET: Any = {"device": "cpu", "show": False}
Make = Callable[..., CondensedVideos | None]


def load(name: str = "prism", **overrides: object) -> Recipe:
    return quick.load(name, overrides={key.replace("__", "."): value for key, value in overrides.items()})


def plain(store: ClipStore, recipe: Recipe, out: Path, **more: Any) -> CondensedVideos | None:
    return condense(store, recipe, out, **QUIET, **more)


def in_shards(store: ClipStore, recipe: Recipe, out: Path, **more: Any) -> CondensedVideos | None:
    return condense_in_shards(store, recipe, out, 2, **QUIET, **more)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def timeless(folder: Path) -> dict[str, object]:
    known = {name: value for name, value in content(folder).items() if name != "run.json"}
    described = {**json.loads((folder / "run.json").read_text()), "seconds": 0}
    return {**known, "run.json": described}


def never(*_: object, **__: object) -> None:
    raise AssertionError("nothing was left to do")


every_way = pytest.mark.parametrize("make", [plain, in_shards])


@every_way
@pytest.mark.parametrize("name", ["prism", "random"])
def test_a_finished_run_is_returned_as_it_is(
    make: Make, name: str, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(tiny_store, load(name), tmp_path / "run")
    before = content(tmp_path / "run")
    monkeypatch.setattr(State, "start", never)
    again = make(tiny_store, load(name), tmp_path / "run")
    assert made is not None and again is not None
    assert made.tensors().keys() == again.tensors().keys()
    assert content(tmp_path / "run") == before


@every_way
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    make: Make, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tiny_store, load(), tmp_path / "whole")
    original, done = State.iterate, []

    def iterate(self: State, *rest: Any) -> object:
        if len(done) == 4:
            raise Interrupted
        done.append(self.iteration)
        return original(self, *rest)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(State, "iterate", iterate)
        make(tiny_store, load(), tmp_path / "cut")
    make(tiny_store, load(), tmp_path / "cut")
    assert timeless(tmp_path / "cut") == timeless(tmp_path / "whole")


def test_a_finished_run_that_has_lost_its_result_makes_it_again(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    plain(tiny_store, load(), tmp_path / "run")
    before = timeless(tmp_path / "run")
    RunFolder(tmp_path / "run").condensed.unlink()
    plain(tiny_store, load(), tmp_path / "run")
    assert timeless(tmp_path / "run") == before


@every_way
@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        (load("random"), "was made with recipe prism, not random"),
        (load(iterations=7), "was made with iterations 6, not 7"),
        (load(seed=1), "was made with seed 0, not 1"),
        (load(optimiser__learning_rate=0.5), r"was made with optimiser\.learning_rate 1.0, not 0.5"),
        (load(insertion__kind="none"), r"was made with insertion\.kind gradient, not none"),
    ],
)
def test_another_recipe_is_refused_with_the_first_difference(
    make: Make, recipe: Recipe, line: str, tiny_store: ClipStore, tmp_path: Path
) -> None:
    make(tiny_store, load(), tmp_path / "run")
    before = content(tmp_path / "run")
    with pytest.raises(VidcondenseError, match=rf"run {line}; name another (--)?out, or .* with (--)?force"):
        make(tiny_store, recipe, tmp_path / "run")
    assert content(tmp_path / "run") == before


def test_another_store_split_precision_or_number_of_shards_is_refused(
    tiny_store: ClipStore, tiny_store_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    plain(tiny_store, load(), out, precision="float32")
    clips = tiny_store_path.parent / "clips"
    other = prepare(clips, tmp_path / "other", frames=4, size=32, stride=3, workers=1, progress=False)
    with pytest.raises(VidcondenseError, match=f"from the store at {tiny_store_path}, not {other.path}"):
        plain(other, load(), out)
    with pytest.raises(VidcondenseError, match="was made with precision float32, not bfloat16"):
        plain(tiny_store, load(), out, precision="bfloat16")
    with pytest.raises(VidcondenseError, match="was made with shards none, not 2"):
        in_shards(tiny_store, load(), out)
    described = json.loads((out / "run.json").read_text())
    described["store"]["split"] = "2"
    (out / "run.json").write_text(json.dumps(described))
    with pytest.raises(VidcondenseError, match="was made with split 2, not 1"):
        plain(tiny_store, load(), out)
    described["store"] |= {"split": "1", "fingerprint": "0" * 64}
    (out / "run.json").write_text(json.dumps(described))
    with pytest.raises(VidcondenseError, match="as it was before it was made anew"):
        plain(tiny_store, load(), out)


def test_a_precision_that_the_objective_does_not_take_is_the_same_again(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernel ridge regression computes in float32 whatever is chosen."""
    plain(tiny_store, load("frepo"), tmp_path / "run", precision="bfloat16")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["precision"] == "float32"
    monkeypatch.setattr(State, "start", never)
    plain(tiny_store, load("frepo"), tmp_path / "run", precision="bfloat16")
    plain(tiny_store, load("frepo"), tmp_path / "run")
    with pytest.raises(VidcondenseError, match="precision bfloat16, not float32"):
        plain(tiny_store, load("frepo"), tmp_path / "run", precision="float32")


def test_a_file_of_a_member_that_has_changed_is_refused(tiny_store: ClipStore, tmp_path: Path) -> None:
    file = shutil.copy(EXAMPLES / "frame_average.py", tmp_path / "own.py")
    recipe = load(network=f"{file}:FrameAverage", iterations=2)
    plain(tiny_store, recipe, tmp_path / "run")
    plain(tiny_store, recipe, tmp_path / "run")
    file.write_text(file.read_text() + "# changed\n")
    with pytest.raises(VidcondenseError, match=r"was made from another file own\.py"):
        plain(tiny_store, recipe, tmp_path / "run")


def test_no_file_that_only_a_run_names_is_loaded(tiny_store: ClipStore, tmp_path: Path) -> None:
    plain(tiny_store, load(), tmp_path / "run")
    trap = tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    described["recipe"]["network"] = f"{trap}:Trap"
    (tmp_path / "run" / "run.json").write_text(json.dumps(described))
    with pytest.raises(VidcondenseError, match=r"made with network .*trap\.py:Trap, not minic3d"):
        plain(tiny_store, load(), tmp_path / "run")
    assert not (tmp_path / "sprung").exists()


@every_way
def test_force_makes_the_run_anew_and_keeps_what_is_not_of_it(
    make: Make, tiny_store: ClipStore, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    make(tiny_store, load(), out)
    evaluations = RunFolder(out).evaluations
    (evaluations / "strict-minic3d.networks").mkdir(parents=True)
    (evaluations / "strict-minic3d.json").write_text("{}")
    (out / "notes.txt").write_text("mine")
    (out / "checkpoint.safetensors").write_bytes(b"of another run")
    make(tiny_store, load(seed=1), out, force=True)
    make(tiny_store, load(seed=1), tmp_path / "other")
    assert (out / "notes.txt").read_text() == "mine"
    (out / "notes.txt").unlink()
    assert timeless(out) == timeless(tmp_path / "other")


def test_force_removes_nothing_before_the_new_run_can_begin(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(tiny_store, load(), tmp_path / "run")
    before = content(tmp_path / "run")
    monkeypatch.setattr(State, "start", lambda *_: (_ for _ in ()).throw(VidcondenseError("too few videos")))
    with pytest.raises(VidcondenseError, match="too few"):
        plain(tiny_store, load(seed=1), tmp_path / "run", force=True)
    assert content(tmp_path / "run") == before


def test_force_leaves_a_folder_of_something_else_alone(tiny_store: ClipStore, tmp_path: Path) -> None:
    for name, text in (("notes.txt", "mine"), ("run.json", '{"run": "by another program"}')):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text(text)
        (folder / "condensed.safetensors").write_text("mine too")
        before = content(folder)
        for make in (plain, in_shards):
            with pytest.raises(
                VidcondenseError, match=r"not an empty folder|not written by this vidcondense"
            ):
                make(tiny_store, load(), folder, force=True)
        assert content(folder) == before


def test_experts_within_the_run_are_not_removed_under_it(tiny_store: ClipStore, tmp_path: Path) -> None:
    out = tmp_path / "run"
    plain(tiny_store, load("mtt"), out)
    assert (out / "experts").is_dir()
    inside = load("mtt", objective__experts=str(out / "experts"))
    with pytest.raises(VidcondenseError, match="experts would be removed with what"):
        plain(tiny_store, inside, out, force=True)
    assert (out / "experts" / "experts.json").is_file()


def test_nothing_is_removed_where_another_process_works(tiny_store: ClipStore, tmp_path: Path) -> None:
    out = tmp_path / "run"
    plain(tiny_store, load(), out)
    busy = RunFolder(out).evaluations / "strict-minic3d.networks"
    before = content(out)
    with (
        files.lock_folder(files.make_folder(busy)),
        pytest.raises(VidcondenseError, match=f"another process is working in {busy}"),
    ):
        plain(tiny_store, load(), out, force=True)
    assert content(out) == before


def test_shards_that_are_not_named_are_those_of_the_run(tiny_store: ClipStore, tmp_path: Path) -> None:
    in_shards(tiny_store, load(), tmp_path / "run")
    before = content(tmp_path / "run")
    condense_in_shards(tiny_store, load(), tmp_path / "run", **QUIET)
    assert content(tmp_path / "run") == before
    condense_in_shards(tiny_store, load(), tmp_path / "run", **QUIET, force=True)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["shards"] == 3  # one per class


@pytest.mark.parametrize("removed", range(1, 4))
def test_a_run_that_is_cut_while_it_is_removed_is_still_a_run(
    removed: int, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of the old one makes it again, that of the new one goes on removing."""
    out, whole = tmp_path / "run", tmp_path / "whole"
    plain(tiny_store, load(), out)
    plain(tiny_store, load(seed=1), whole)
    RunFolder(out).evaluations.mkdir()
    (RunFolder(out).evaluations / "strict-minic3d.json").write_text("{}")
    (out / "experts").mkdir()
    old = {name: value for name, value in timeless(out).items() if "evaluations" not in name}
    original, count = Path.unlink, []

    def unlink(self: Path, missing_ok: bool = False) -> None:
        count.append(self)
        if len(count) == removed:
            raise KeyboardInterrupt
        original(self, missing_ok=missing_ok)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "unlink", unlink)
        again.clear(RunFolder(out))
    shutil.copytree(out, tmp_path / "copy")
    plain(tiny_store, load(), tmp_path / "copy")
    left = timeless(tmp_path / "copy")
    assert {name: value for name, value in left.items() if "evaluations" not in name} == old
    with pytest.raises(VidcondenseError, match="seed 0, not 1"):
        plain(tiny_store, load(seed=1), out)
    plain(tiny_store, load(seed=1), out, force=True)
    assert timeless(out) == timeless(whole)


def test_two_that_begin_at_once_do_not_overwrite_each_other(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, start, begun = tmp_path / "run", State.start, []

    def slow(*arguments: Any) -> State:
        begun.append(start(*arguments))
        if len(begun) == 1:
            plain(tiny_store, load(), out)  # the other one is done before this one may write
        return begun[0]

    monkeypatch.setattr(State, "start", slow)
    with pytest.raises(VidcondenseError, match="has made a run there; give the command again"):
        plain(tiny_store, load(), out)
    assert plain(tiny_store, load(), out) is not None
    assert len(begun) == 2
