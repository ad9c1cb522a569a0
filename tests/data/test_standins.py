"""Videos at an address: a server of S3 (moto) and one of HTTP on this machine, in threads of this process."""

import functools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from media import clip, tree, write_dataset, write_pictures, write_tar, write_video

from vidcondense.base.errors import VidcondenseError
from vidcondense.data import shard
from vidcondense.data.index import read_index
from vidcondense.data.prepare import prepare
from vidcondense.data.sources import find_videos
from vidcondense.data.standins import address_of, local
from vidcondense.data.tars import read_contents
from vidcondense.work.here import Processes

registry = pytest.importorskip("fsspec.registry")
pytest.importorskip("s3fs", reason="not installed: pip install 'vidcondense[remote]'")
SETTINGS: dict[str, Any] = {"frames": 4, "stride": 2, "size": 32, "workers": 1, "progress": False}


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """The S3 of moto, as s3fs sees it; commands that are started find it, too."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    import s3fs

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "of-a-test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "of-a-test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        files = s3fs.S3FileSystem()
        files.mkdir("bucket")
        yield files
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, s3: Any) -> Path:
    """A folder of videos, a broken one among them, which is in the bucket, too."""
    folder = write_dataset(tmp_path_factory.mktemp("videos") / "videos")
    (folder / "class0" / "broken.mkv").write_bytes(b"<html>")
    s3.put(str(folder), "bucket/videos", recursive=True)
    return folder


def refused(message: str, source: str, store: Path) -> None:
    with pytest.raises(VidcondenseError, match=message) as error:
        prepare(source, store, **SETTINGS)
    assert "\n" not in str(error.value)
    assert not list(store.parent.glob(".*")), "no stand-ins are left"


def same(here: Path, away: Path, address: str) -> None:
    """The same store, whose index says where it is from."""
    assert read_index(away).source["folder"] == address
    held, made = tree(here), tree(away)
    held["index.json"] = held["index.json"].replace(str(read_index(here).source["folder"]).encode(), b"?")
    made["index.json"] = made["index.json"].replace(address.encode(), b"?")
    assert held == made


def test_a_folder_at_an_address_makes_the_same_store(videos: Path, s3: Any, tmp_path: Path) -> None:
    here = prepare(videos, tmp_path / "here", **SETTINGS)
    away = prepare("s3://bucket/videos/", tmp_path / "away", **SETTINGS)
    assert (read_index(tmp_path / "away").videos, away.name) == (8, "videos")
    assert here.fingerprint == away.fingerprint
    same(tmp_path / "here", tmp_path / "away", "s3://bucket/videos")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_units_of_a_cluster_fetch_by_themselves(
    videos: Path, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would run on a cluster runs in a process of this machine: the same units and commands."""
    monkeypatch.setattr(shard, "engine", lambda *_, **__: nullcontext(Processes(1)))
    here = prepare(videos, tmp_path / "here", **SETTINGS)
    away = prepare("s3://bucket/videos", tmp_path / "away", on="ray", videos_per_shard=5, **SETTINGS)
    assert here.fingerprint == away.fingerprint


def test_tar_files_at_an_address_make_the_same_store(s3: Any, tmp_path: Path) -> None:
    """Labels are read where they lie among the videos, of which no byte is there until they are decoded."""
    for number in range(2):
        members = {}
        for key in range(4):
            video = write_video(tmp_path / "made" / f"{number}{key}.mkv", clip(6 + key, 10 * number + key))
            members |= {f"{number}{key}.mkv": video.read_bytes(), f"{number}{key}.cls": b"%d" % (key % 2)}
        write_tar(tmp_path / "tars" / f"train-{number}.tar", members)
    s3.put(str(tmp_path / "tars"), "bucket/tars", recursive=True)
    with local("s3://bucket/tars", tmp_path / "store") as root:
        assert address_of(root) == "s3://bucket/tars"
        assert len(find_videos(root).videos) == 8
        for tar in sorted((tmp_path / "tars").iterdir()):
            assert read_contents(root / tar.name) == read_contents(tar)
            video = read_contents(tar).members[f"{tar.stem[-1]}0.mkv"]
            held = (root / tar.name).read_bytes()[video.offset : video.offset + video.size]
            assert held == bytes(video.size)
    prepare(tmp_path / "tars", tmp_path / "here", **SETTINGS)
    prepare("s3://bucket/tars", tmp_path / "away", **SETTINGS)
    same(tmp_path / "here", tmp_path / "away", "s3://bucket/tars")


def test_folders_of_frames_at_an_address(s3: Any, tmp_path: Path) -> None:
    for number in range(8):
        write_pictures(tmp_path / "frames" / f"class{number % 2}" / f"v{number}", clip(5, number))
    s3.put(str(tmp_path / "frames"), "bucket/frames", recursive=True)
    here = prepare(tmp_path / "frames", tmp_path / "here", **SETTINGS)
    away = prepare("s3://bucket/frames", tmp_path / "away", **SETTINGS)
    assert here.fingerprint == away.fingerprint and read_index(tmp_path / "away").videos == 8


def test_a_tar_file_that_is_cut_short_is_one_at_an_address(s3: Any, tmp_path: Path) -> None:
    whole = write_tar(tmp_path / "tars" / "a.tar", {f"{n}.mp4": bytes([n]) * 2000 for n in range(1, 4)})
    for name, data in (("cut", whole.read_bytes()[:6000]), ("other", b"no tar file" * 400)):
        (tmp_path / "tars" / f"{name}.tar").write_bytes(data)
    s3.put(str(tmp_path / "tars"), "bucket/cut", recursive=True)
    with local("s3://bucket/cut", tmp_path / "store") as root:
        for tar in sorted((tmp_path / "tars").iterdir()):
            assert read_contents(root / tar.name) == read_contents(tar)
    assert read_contents(tmp_path / "tars" / "cut.tar").damage


def test_what_cannot_be_read_is_said_in_one_line(
    videos: Path, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    refused("there (is nothing|are no files) at s3://bucket/elsewhere", "s3://bucket/elsewhere", store)
    refused(
        "there (is nothing|are no files) at s3://no-such-bucket/videos", "s3://no-such-bucket/videos", store
    )
    refused("name and password in an address", "http://name:word@127.0.0.1/videos", store)
    refused("strange://a is no address that fsspec reads", "strange://a", store)
    s3.put(str(videos / "class0"), "bucket/one", recursive=True)
    refused("s3://bucket/one.*class", "s3://bucket/one", store)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "s3fs", None)  # fsspec itself comes with PyTorch
        patch.delitem(registry._registry, "s3")
        refused(r"pip install 'vidcondense\[remote\]'", "s3://bucket/videos", store)


def test_a_video_that_has_gone_or_cannot_be_fetched_is_not_lost_in_silence(
    videos: Path, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command ends with one line, and goes on when it is given again."""
    from vidcondense.data import standins

    s3.put(str(videos), "bucket/going", recursive=True)
    made = standins._make

    def then_gone(place: Any, root: Path) -> None:
        made(place, root)
        s3.rm("bucket/going/class1/v02.mkv")

    with monkeypatch.context() as patch:
        patch.setattr(standins, "_make", then_gone)
        refused("nothing at s3://bucket/going/class1/v02.mkv", "s3://bucket/going", tmp_path / "store")
    s3.put(str(videos / "class1" / "v02.mkv"), "bucket/going/class1/v02.mkv")
    prepare("s3://bucket/going", tmp_path / "store", **SETTINGS)
    assert read_index(tmp_path / "store").videos == 8


def test_refused_access(s3: Any, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests
    import s3fs

    address = os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    s3fs.S3FileSystem.clear_instance_cache()
    requests.post(f"{address}/moto-api/reset-auth", data=b"0", timeout=10).raise_for_status()
    try:
        refused(
            "access to s3://bucket/videos is refused .*credentials", "s3://bucket/videos", tmp_path / "store"
        )
    finally:
        requests.post(f"{address}/moto-api/reset-auth", data=b"inf", timeout=10).raise_for_status()
        s3fs.S3FileSystem.clear_instance_cache()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass

    def do_GET(self) -> None:
        if "secret" in self.path:
            self.send_error(403)
        else:
            super().do_GET()


@pytest.fixture
def http(videos: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(videos.parent)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_pages_of_a_web_server(videos: Path, http: str, tmp_path: Path) -> None:
    """Its pages list the files, as those of Python's own server do."""
    here = prepare(videos, tmp_path / "here", **SETTINGS)
    away = prepare(f"{http}/videos", tmp_path / "away", **SETTINGS)
    assert here.fingerprint == away.fingerprint
    refused("there is nothing at http://.*/elsewhere", f"{http}/elsewhere", tmp_path / "store")
    refused("access to .*/secret is refused .*credentials", f"{http}/secret", tmp_path / "store")
    refused("cannot read http://127.0.0.1:9/", "http://127.0.0.1:9/videos", tmp_path / "store")


def test_results_go_to_an_address_and_come_back(tiny_store_path: Path, s3: Any, tmp_path: Path) -> None:
    """As docs/data.md says."""
    import fsspec

    from vidcondense.data.store import ClipStore

    fsspec.filesystem("s3").put(str(tiny_store_path), "bucket/stores/tiny", recursive=True)
    fsspec.filesystem("s3").get("bucket/stores/tiny", str(tmp_path / "tiny"), recursive=True)
    assert ClipStore.open(tmp_path / "tiny").fingerprint == ClipStore.open(tiny_store_path).fingerprint
