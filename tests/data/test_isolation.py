"""Workers that crash, hang, eat memory or are killed: what it costs is told, and is that file only."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from media import tree, write_dataset

from vidcondense.base.errors import VidcondenseError
from vidcondense.data import isolation
from vidcondense.data.isolation import Worker, worker_pool
from vidcondense.data.prepare import prepare

SETTINGS = {"frames": 4, "stride": 2, "size": 32, "progress": False}

# A decoder that does to itself what the name of the video says, after its second frame.
STRANGE = """
import ctypes, os, re, resource, signal, sys, time
from vidcondense.data import shards
from vidcondense.data.decode import DecodeError, decode_frames

def strange(path, *how):
    frames = decode_frames(path, *how)
    yield next(frames)
    yield next(frames)
    word, once = path.stem.split("-")[-1], path.parents[3] / "once"
    if word in ("SEGV", "ABRT", "FPE", "KILL", "TERM"):
        os.kill(os.getpid(), getattr(signal, "SIG" + word))
    if word == "null":
        ctypes.string_at(0)
    if word == "exit":
        os._exit(3)
    if word == "print":
        os.write(1, b"not JSON\\n")
    if word == "spin":  # a loop in C that never lets Python run
        re.match("(a|a)*b", "a" * 60)
    if word == "sleep":
        time.sleep(1000)
    if word == "memory":
        held = [bytearray(1 << 26) for _ in range(100)]
    if word == "once" and not once.exists():
        once.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    yield from frames

shards.decode_frames = strange
"""


@pytest.fixture
def strange(tmp_path, monkeypatch):
    """Has workers use the decoder above."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "strange.py").write_text(STRANGE)
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    start = "from vidcondense"
    monkeypatch.setattr(isolation, "PROGRAM", isolation.PROGRAM.replace(start, f"import strange; {start}"))
    write_dataset(tmp_path / "source" / "test", per_class=1)
    return write_dataset(tmp_path / "source" / "train").parent


def named(source, words):
    """Give the first videos names that say what is to become of them."""
    videos = sorted(source.glob("train/*/*.mkv"))
    return [video.rename(video.with_stem(f"{video.stem}-{word}")) for video, word in zip(videos, words)]  # noqa: B905


def test_what_breaks_the_decoder_costs_that_file_only(strange, tmp_path):
    bad = named(strange, ["SEGV", "good", "null", "exit", "KILL"])
    bad.pop(1)
    store = prepare(strange, tmp_path / "store", **SETTINGS, workers=2, videos_per_shard=3)
    reasons = {entry["path"]: entry["reason"] for entry in store.skipped}
    assert reasons == {
        "train/class0/v00-SEGV.mkv": "its decoder crashed (SIGSEGV)",
        "train/class0/v02-null.mkv": "its decoder crashed (SIGSEGV)",
        "train/class0/v03-exit.mkv": "its decoder crashed (code 3)",
        "train/class1/v00-KILL.mkv": "its decoder was killed, perhaps for want of memory",
    }
    for path in bad:  # the same frames as a store of the good ones alone
        path.unlink()
    assert prepare(strange, tmp_path / "good", **SETTINGS, workers=1).fingerprint == store.fingerprint


def test_a_decoder_that_hangs_is_ended_at_the_limit(strange, tmp_path, monkeypatch):
    named(strange, ["spin", "good", "sleep"])
    monkeypatch.setattr(isolation, "SECONDS", 3.0)
    store = prepare(strange, tmp_path / "store", **SETTINGS, workers=2)
    assert {entry["path"]: entry["reason"] for entry in store.skipped} == {
        "train/class0/v00-spin.mkv": "not decoded within the limit of 3 s",
        "train/class0/v02-sleep.mkv": "not decoded within the limit of 3 s",
    }


def test_memory_is_limited(strange, tmp_path, monkeypatch):
    named(strange, ["memory"])
    monkeypatch.setattr(isolation, "MEMORY", 1 << 28)
    store = prepare(strange, tmp_path / "store", **SETTINGS, workers=1)
    (entry,) = store.skipped
    assert entry["reason"] == "too little memory for it"


def test_a_death_that_does_not_come_again_costs_nothing(strange, tmp_path):
    named(strange, ["once", "print"])
    store = prepare(strange, tmp_path / "store", **SETTINGS, workers=1, videos_per_shard=4)
    assert (tmp_path / "once").exists()
    assert store.skipped == []
    again = prepare(strange, tmp_path / "again", **SETTINGS, workers=1, videos_per_shard=4)
    assert tree(tmp_path / "store") == tree(tmp_path / "again")
    assert again.fingerprint == store.fingerprint


def test_strict_stops_at_a_crash(strange, tmp_path):
    named(strange, ["SEGV"])
    with pytest.raises(VidcondenseError, match=r"v00-SEGV.mkv: its decoder crashed \(SIGSEGV\); mend"):
        prepare(strange, tmp_path / "store", **SETTINGS, workers=1, strict=True)


def test_workers_killed_from_outside_lose_no_file(tmp_path, monkeypatch):
    source = write_dataset(tmp_path / "source", per_class=12)
    started, start = [], Worker._start

    def noted(self):
        process = start(self)
        started.append(process)
        return process

    monkeypatch.setattr(Worker, "_start", noted)
    running = True

    def hunt():
        killed = 0
        while running and killed < 4:
            if len(started) > killed:
                time.sleep(0.05)
                started[killed].kill()
                killed += 1
            time.sleep(0.002)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        store = prepare(source, tmp_path / "store", **SETTINGS, workers=2, videos_per_shard=3)
    finally:
        running = False
        hunter.join()
    monkeypatch.undo()
    assert len(started) > 2
    assert store.skipped == []
    prepare(source, tmp_path / "calm", **SETTINGS, workers=1, videos_per_shard=3)
    assert tree(tmp_path / "store") == tree(tmp_path / "calm")


def test_a_worker_that_cannot_start_is_an_error_and_blames_no_file(tmp_path, monkeypatch, capfd):
    source = write_dataset(tmp_path / "source", per_class=2)
    monkeypatch.setattr(isolation, "PROGRAM", "import no_such_module")
    with pytest.raises(VidcondenseError, match=r"a decoding process ended before it began \(code 1\)"):
        prepare(source, tmp_path / "store", **SETTINGS, workers=2)
    assert "no_such_module" in capfd.readouterr().err
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(VidcondenseError, match="cannot start a decoding process: No such file"):
        prepare(source, tmp_path / "store", **SETTINGS, workers=1)


def test_the_limit_grows_with_the_file(tmp_path):
    (tmp_path / "v.mp4").write_bytes(bytes(200_000))
    assert isolation.time_limit(tmp_path / "v.mp4", 60) == 70
    assert isolation.time_limit(tmp_path / "none.mp4", 60) == 60


def test_a_worker_ends_with_its_parent_even_while_it_hangs(strange, tmp_path):
    (video,) = named(strange, ["sleep"])
    script = f"""
import sys
from pathlib import Path
from vidcondense.data import isolation
sys.path.insert(0, {str(tmp_path / "modules")!r})
isolation.PROGRAM = {isolation.PROGRAM!r}
worker = isolation.Worker(seconds=1.0)
print(worker._started().pid, flush=True)
details = {{"size": 32, "keep": 0, "file": {str(tmp_path / "out")!r}, "target": "t"}}
list(worker.each("decode", [Path({str(video)!r})], lambda: details))
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        until = time.monotonic() + 20
        while time.monotonic() < until and not (tmp_path / "out").exists():
            time.sleep(0.01)
        parent.kill()
    while time.monotonic() < until and alive(child):
        time.sleep(0.05)
    assert not alive(child)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nothing_is_left_of_workers(tmp_path):
    source = write_dataset(tmp_path / "source", per_class=2)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with worker_pool(2) as crew:
        paths = sorted(source.rglob("*.mkv"))
        for worker in crew:
            assert [answer["frames"] for answer in worker.each("probe", paths)] == [5, 8, 5, 8]
        pids = [worker._process.pid for worker in crew]
    assert not any(alive(pid) for pid in pids)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(VidcondenseError, match="stopped"):
        next(crew[0].each("probe", paths))
