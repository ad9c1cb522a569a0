"""Push and pull against a stand-in for the hub; no account, nothing leaves this machine."""

import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from command import call
from hub_stand_in import TOKEN, Hub, serving
from PIL import Image
from tiny_run import condensed_videos, write_run

import vidcondense
from vidcondense import CondensedVideos, VidcondenseError

pytest.importorskip("huggingface_hub")
REPO = "me/walks"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        # Uploads go by plain HTTP: the stand-in does not speak the protocol of hf-xet.
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        yield served


def test_a_set_is_pushed_with_its_card_and_pulled_again(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run")
    assert call(monkeypatch, "push", run, REPO, "--license", "cc-by-4.0") == 0
    assert f"{hub.address}/datasets/{REPO}" in capsys.readouterr().out
    assert hub.private == {REPO: True}
    assert sorted(path for _, path in hub.files) == ["README.md", "clips.webp", "condensed.safetensors"]
    assert ("condensed.safetensors", "lfs") in hub.modes
    assert hub.files[REPO, "condensed.safetensors"] == (run / "condensed.safetensors").read_bytes()
    assert Image.open(io.BytesIO(hub.files[REPO, "clips.webp"])).n_frames == 6
    assert b"cc-by-4.0" in hub.files[REPO, "README.md"] and b"62.5" in hub.files[REPO, "README.md"]
    assert call(monkeypatch, "pull", REPO, tmp_path / "new" / "set.safetensors") == 0
    assert CondensedVideos.load(tmp_path / "new" / "set.safetensors") == condensed_videos()


def test_the_commands_work_each_in_a_process_of_its_own(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library loads its parts when they are asked for: what one call has loaded, another lacks."""
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    run, out = write_run(tmp_path / "run"), tmp_path / "set.safetensors"
    for words in (("push", run, REPO), ("pull", REPO, out)):
        made = subprocess.run(
            [sys.executable, "-m", "vidcondense", *words], capture_output=True, text=True, timeout=120
        )
        assert made.returncode == 0, made.stderr
    assert CondensedVideos.load(out) == condensed_videos()


def test_a_card_that_somebody_has_written_in_stays(hub: Hub, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    address = vidcondense.push(run, REPO, public=True)
    assert address == f"{hub.address}/datasets/{REPO}" and hub.private == {REPO: False}
    hub.files[REPO, "README.md"] = b"mine"
    hub.files[REPO, "condensed.safetensors"] = b""
    vidcondense.push(run / "condensed.safetensors", REPO)
    assert hub.files[REPO, "README.md"] == b"mine"
    assert hub.files[REPO, "condensed.safetensors"] == (run / "condensed.safetensors").read_bytes()
    vidcondense.push(run, REPO, force=True)
    assert b"mine" not in hub.files[REPO, "README.md"]


def test_what_is_there_is_replaced_on_purpose_alone(hub: Hub, tmp_path: Path) -> None:
    condensed_videos().save(tmp_path / "one")
    vidcondense.push(tmp_path / "one", REPO)
    out = tmp_path / "out"
    made = vidcondense.pull(REPO, out)
    before = out.stat().st_mtime_ns
    assert vidcondense.pull(REPO, str(out)) == made and out.stat().st_mtime_ns == before
    replace(condensed_videos(), learning_rate=0.5).save(tmp_path / "one")
    vidcondense.push(tmp_path / "one", REPO)
    with pytest.raises(VidcondenseError, match=r"holds another set; .* replace it with force=True"):
        vidcondense.pull(REPO, out)
    assert vidcondense.pull(REPO, out, force=True).learning_rate == 0.5
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(VidcondenseError, match="not a condensed set"):
        vidcondense.pull(REPO, tmp_path / "notes", force=True)
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize(
    "content", [b"\x80\x04pickle", b"", b"<html>", (7).to_bytes(8, "little") + b'{"a":1}']
)
def test_a_file_that_is_no_set_is_not_kept(content: bytes, hub: Hub, tmp_path: Path) -> None:
    hub.private[REPO] = False
    hub.files[REPO, "condensed.safetensors"] = content
    with pytest.raises(VidcondenseError, match=r"me/walks holds no condensed set: condensed\.safetensors"):
        vidcondense.pull(REPO, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("endless", "limit", "words"), [(False, 1000, "1.00 KB"), (True, 100_000, "100 KB")])
def test_a_large_file_is_refused(endless: bool, limit: int, words: str, hub: Hub, tmp_path: Path) -> None:
    """One that tells its size, and one that never ends."""
    condensed_videos().save(tmp_path / "one")
    vidcondense.push(tmp_path / "one", REPO)
    hub.endless = endless
    with pytest.raises(VidcondenseError, match=f"has more than {words}; allow more with most_bytes"):
        vidcondense.pull(REPO, tmp_path / "out", most_bytes=limit)
    assert not (tmp_path / "out").exists()


def test_what_the_hub_refuses_is_one_line(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    condensed_videos().save(tmp_path / "one")

    def refused(*arguments: object) -> str:
        capsys.readouterr()
        assert call(monkeypatch, *arguments) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        return line

    assert "cannot pull me/nothing" in refused("pull", "me/nothing", tmp_path / "out")
    hub.private[REPO] = False
    assert "cannot pull me/walks" in refused("pull", REPO, tmp_path / "out")
    assert "cannot pull a/b/c" in refused("pull", "a/b/c", tmp_path / "out")
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    assert "log in with: hf auth login" in refused("push", tmp_path / "one", REPO)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "cannot pull me/walks" in refused("pull", REPO, tmp_path / "out")
    assert "no condensed file" in refused("push", tmp_path / "nothing", REPO)


def test_without_the_library_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(VidcondenseError, match=r"pip install 'vidcondense\[hub\]'"):
        vidcondense.pull(REPO, tmp_path / "out")
