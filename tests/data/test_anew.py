"""`prepare --force`: the store that is there stays until the new one is finished, whenever that stops."""

import shutil
from pathlib import Path

import pytest
from media import tree, write_dataset

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.data import anew
from vidcondense.data import prepare as prepare_module
from vidcondense.data.options import PrepareOptions
from vidcondense.data.plan import make_plan
from vidcondense.data.prepare import prepare, preview
from vidcondense.data.store import ClipStore

SETTINGS = {"frames": 4, "stride": 2, "size": 32, "workers": 1, "progress": False}
OTHER = {**SETTINGS, "size": 24, "videos_per_shard": 4}
"""Smaller frames, in fewer files."""


@pytest.fixture
def source(tmp_path):
    return write_dataset(tmp_path / "source")


@pytest.fixture
def store(source, tmp_path):
    prepare(source, tmp_path / "store", **SETTINGS)
    return tmp_path / "store"


@pytest.fixture
def wanted(source, tmp_path):
    """The files of the other store, made in a new folder."""
    prepare(source, tmp_path / "fresh", **OTHER)
    return tree(tmp_path / "fresh")


def test_force_makes_another_store_in_its_place(source, store, wanted):
    assert prepare(source, store, **OTHER, force=True).size == 24
    assert tree(store) == wanted


def test_force_decodes_the_same_store_again(source, store, monkeypatch):
    before, decoded = tree(store), []
    whole = prepare_module.build_shards
    monkeypatch.setattr(
        prepare_module, "build_shards", lambda left, crew: decoded.extend(left) or whole(left, crew)
    )
    prepare(source, store, **SETTINGS, force=True)
    assert len(decoded) == 8
    assert tree(store) == before
    prepare(source, store.with_name("new"), **SETTINGS, force=True)
    assert tree(store.with_name("new")) == before


@pytest.mark.parametrize("finished", [False, True])
def test_stopped_while_it_decodes_the_old_store_stays_and_force_goes_on(
    finished, source, store, wanted, monkeypatch
):
    whole, before = prepare_module.build_shards, tree(store)

    def two_parts(tasks, crew):
        yield from whole(tasks[:2], crew)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        if finished:  # decoded, and stopped as the index was to be written
            patch.setattr(prepare_module, "write_index", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        else:
            patch.setattr(prepare_module, "build_shards", two_parts)
        prepare(source, store, **OTHER, force=True)
    assert {name: data for name, data in tree(store).items() if not name.startswith("anew/")} == before
    assert ClipStore.open(store).size == 32
    with pytest.raises(VidcondenseError, match=r"size 32, not 24; .* make it anew with --force"):
        prepare(source, store, **OTHER)
    decoded = []
    monkeypatch.setattr(
        prepare_module, "build_shards", lambda left, crew: decoded.extend(left) or whole(left, crew)
    )
    prepare(source, store, **OTHER, force=True)
    assert len(decoded) < 4
    assert tree(store) == wanted


def test_what_was_begun_anew_in_another_way_is_dropped(source, store, wanted, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(prepare_module, "write_index", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        prepare(source, store, **{**SETTINGS, "size": 16}, force=True)
    prepare(source, store, **OTHER, force=True)
    assert tree(store) == wanted


@pytest.mark.parametrize("step", range(1, 14))
def test_stopped_while_it_takes_its_place_the_next_command_finishes_that(
    step, source, store, wanted, monkeypatch
):
    """Before each change that it makes to the file system."""
    steps, before, inside = [], tree(store), []

    def watch(patch, owner, name):
        original = getattr(owner, name)

        def counted(*arguments, **named):
            if inside:
                steps.append(name)
                if len(steps) == step:
                    raise KeyboardInterrupt
            return original(*arguments, **named)

        patch.setattr(owner, name, counted)

    take_place = anew.take_place
    with monkeypatch.context() as patch:
        for owner, name in ((Path, "replace"), (Path, "unlink"), (shutil, "rmtree")):
            watch(patch, owner, name)
        patch.setattr(anew, "take_place", lambda store: inside.append(1) or take_place(store))
        try:
            prepare(source, store, **OTHER, force=True)
        except KeyboardInterrupt:
            pass
        else:
            pytest.fail(f"there are {len(steps)} steps only")
    finished = (store / "index.json").is_file()
    if not finished:
        with pytest.raises(VidcondenseError, match="is unfinished; run the same prepare again"):
            ClipStore.open(store)
    elif step == 1:
        assert {name: data for name, data in tree(store).items() if not name.startswith("anew/")} == before
    assert prepare(source, store, **OTHER).size == 24
    assert tree(store) == wanted


def test_force_over_the_beginning_of_a_store(source, store, wanted, monkeypatch):
    begun = store.with_name("begun")
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(prepare_module, "write_index", lambda *_: 1 / 0)
        prepare(source, begun, **SETTINGS)
    prepare(source, begun, **OTHER, force=True)
    assert tree(begun) == wanted


def test_force_over_a_damaged_store(source, store, wanted):
    (store / "index.json").write_text("{")
    prepare(source, store, **OTHER, force=True)
    assert tree(store) == wanted


@pytest.mark.parametrize("name", ["notes.txt", "index.json", "frames.u8"])
def test_force_leaves_a_folder_with_other_things_alone(name, source, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / name).write_text("mine")
    with pytest.raises(
        VidcondenseError, match=f"holds {name}, which is of no store|not a store; choose a new"
    ):
        prepare(source, folder, **SETTINGS, force=True)
    assert tree(folder) == {name: b"mine"}


def test_force_over_a_store_with_other_things_in_it(source, store):
    (store / "notes.txt").write_text("mine")
    before = tree(store)
    with pytest.raises(VidcondenseError, match=r"holds notes\.txt, which is of no store"):
        prepare(source, store, **SETTINGS, force=True)
    assert tree(store) == before


def test_a_store_that_a_process_makes_anew_is_not_made_anew_by_another(source, store):
    before = tree(store)
    with files.lock_folder(store), pytest.raises(VidcondenseError, match="another process is working in"):
        prepare(source, store, **OTHER, force=True)
    assert tree(store) == before


def test_what_there_is_to_do_is_said_without_doing_it(source, store):
    before = tree(store)
    plan = make_plan(source, store, PrepareOptions(frames=4, stride=2, size=32, workers=1))
    assert "is there already, made from the same videos with the same settings" in preview(plan)
    assert "to decode: 8 videos" in preview(anew.planned_anew(plan))
    assert tree(store) == before


def test_a_repeated_prepare_says_that_the_store_is_there(source, store, capsys):
    prepare(source, store, **{**SETTINGS, "progress": True})
    said = capsys.readouterr()
    assert said.out == ""
    line = f"{store} is there already, made from the same videos with the same settings: nothing to do\n"
    assert said.err == line
