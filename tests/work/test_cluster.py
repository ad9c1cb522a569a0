"""Units on a Ray cluster of two nodes: done once, done again when a worker dies, refused in one line."""

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chores import is_running, tries, unit, wait_until
from clusters import cluster, processes_of, slowness

from vidcondense.base.errors import VidcondenseError
from vidcondense.base.interrupt import Interrupted
from vidcondense.work import nodes
from vidcondense.work.cluster import connected
from vidcondense.work.engines import engine
from vidcondense.work.queue import Failure, do
from vidcondense.work.unit import Needs, Unit

# One process of pytest-xdist has them all, and one cluster.
pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module")
def two_nodes(helpers: None) -> Iterator[Any]:
    with cluster(2) as made:
        session = Path(made.head_node.get_session_dir_path())
        yield made
    wait_until(lambda: not processes_of(session), 20 * slowness())


def work(units: list[Unit], folder: Path, on: str = "ray", show: bool = False) -> dict[str, Failure]:
    with engine(on, folder, [one.needs for one in units], show=show) as made:
        return do(units, made, folder / "logs", show=show)


def test_units_are_done_once_on_all_nodes_and_what_fails_is_listed(
    two_nodes: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [unit(tmp_path, f"good-{number}", seconds=0.2) for number in range(3)]
    bad = [
        unit(tmp_path, "refused", "refuse"),
        unit(tmp_path, "once", "die-once"),
        unit(tmp_path, "idle", "idle"),
    ]
    failed = work([*good, *bad], tmp_path, show=True)
    assert sorted(failed) == ["idle", "refused"]
    assert failed["refused"].reason == "the loss of refused is nan"
    assert "left nothing behind" in failed["idle"].reason
    assert [len(tries(tmp_path, one.name)) for one in [*good, *bad]] == [1, 1, 1, 3, 2, 3]
    assert (tmp_path / "logs" / "good-0.log").read_text() == "try 1 with 1 threads\n"
    assert "Ray cluster of 2 nodes, 2 cores" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    work(good, tmp_path)
    assert [len(tries(tmp_path, one.name)) for one in good] == [1] * 3


def test_the_unit_of_a_killed_worker_is_done_again(two_nodes: Any, tmp_path: Path) -> None:
    units = [unit(tmp_path, "a", "slow-once", 600)]

    def kill() -> None:
        wait_until(lambda: bool(tries(tmp_path, "a")))
        os.kill(
            int(Path(f"/proc/{tries(tmp_path, 'a')[0]}/stat").read_text().rpartition(")")[2].split()[1]), 9
        )

    thread = threading.Thread(target=kill)
    thread.start()
    assert work(units, tmp_path) == {}
    thread.join()
    first, _ = tries(tmp_path, "a")
    wait_until(lambda: not is_running(first), 5 * slowness())


def test_ctrl_c_stops_all_workers_within_seconds(two_nodes: Any, tmp_path: Path) -> None:
    units = [unit(tmp_path, name, seconds=600) for name in "abcde"]
    pressed: list[float] = []
    soon = 8 * slowness()

    def press() -> None:
        wait_until(lambda: bool(tries(tmp_path, "a") and tries(tmp_path, "b")))
        time.sleep(0.3)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(Interrupted, match="5 of 5 units left"):
        work(units, tmp_path)
    assert time.monotonic() - pressed[0] < soon
    thread.join()
    assert not any(is_running(pid) for name in "abcde" for pid in tries(tmp_path, name))
    assert all((tmp_path / f"{name}.saved").is_file() for name in "ab"), "they have saved their state"
    time.sleep(0.5)
    assert [len(tries(tmp_path, name)) for name in "abcde"] == [1, 1, 0, 0, 0], "nobody goes on"


def test_a_unit_for_which_no_node_has_room_is_refused(two_nodes: Any, tmp_path: Path) -> None:
    for needs, words in (
        (Needs(2), "2 cores"),
        (Needs(1, gpus=1), "1 core, 1 GPU"),
        (Needs(1, 0, 2**50), "GiB"),
    ):
        with pytest.raises(
            VidcondenseError, match=f"a unit needs .*{words}.*and no node of the cluster has that"
        ):
            work([unit(tmp_path, "a", needs=needs)], tmp_path)
    assert tries(tmp_path, "a") == []


@pytest.mark.parametrize("package", ["python", "torch", "av", "vidcondense"])
def test_a_node_with_another_version_is_refused(two_nodes: Any, tmp_path: Path, package: str) -> None:
    """Another version is asked for: on one machine all nodes have the same."""
    ours = nodes.versions()
    with connected("ray", tmp_path, [Needs()], show=False) as made:
        made.wanted = replace(made.wanted, versions={**ours, package: "0.0.1"})
        words = re.escape(f" has {package} {ours[package]}, and 0.0.1 is installed")
        with pytest.raises(VidcondenseError, match=words):
            made.check([Needs()])


def test_a_folder_that_a_node_cannot_see_is_refused(two_nodes: Any, tmp_path: Path) -> None:
    with connected("ray", tmp_path, [Needs()], show=False) as made:
        for wanted, words in (
            (nodes.Wanted({}, str(tmp_path / "elsewhere"), "token"), "cannot read and write .*elsewhere"),
            (
                nodes.Wanted({}, made.wanted.folder, made.wanted.token, ("/no/store",)),
                "does not see /no/store",
            ),
        ):
            made.wanted = wanted
            with pytest.raises(
                VidcondenseError, match=f"node .* {words}.*a file system that all nodes share"
            ):
                made.check([Needs()])


def test_no_cluster_at_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    began = time.monotonic()
    for address in ("ray://127.0.0.1:9", "ray://127.0.0.1", "ray://"):
        with pytest.raises(VidcondenseError, match=r"no Ray cluster at|is no address of a cluster") as error:
            work([unit(tmp_path, "a")], tmp_path, address)
        assert "\n" not in str(error.value)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(VidcondenseError, match=r"no Ray cluster at 127\.0\.0\.1:9"):
        work([unit(tmp_path, "a")], tmp_path)
    assert time.monotonic() - began < 20


def test_without_ray_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(VidcondenseError, match=r"pip install 'vidcondense\[ray\]'"):
        work([unit(tmp_path, "a")], tmp_path)
