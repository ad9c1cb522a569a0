"""Displaced key frames that are learned: registration finds motion, and the gradient's way back."""

from pathlib import Path

import pytest
import torch

from vidcondense.base.compute import Compute
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.displacement import displaced, parts
from vidcondense.data.store import ClipStore
from vidcondense.synthetic import Displaced, Start
from vidcondense.synthetic import displaced as module
from vidcondense.synthetic.registration import register

EXACT = Compute(torch.device("cpu"), torch.float32)


def make(videos: int = 3) -> Displaced:
    rng = torch.Generator().manual_seed(0)
    keys, fields = (
        torch.randn(videos, 2, 3, 6, 6, generator=rng),
        torch.randn(videos, 5, 2, 3, 3, generator=rng),
    )
    return Displaced(keys, 0.1 * fields, [0, 3], 5, torch.arange(videos) // 2)


def moving(frames: int = 5, size: int = 32) -> torch.Tensor:
    """Two discs on a plain ground, one on its way right and one down, by 4 pixels per frame."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    way = 4 * torch.arange(frames).view(-1, 1, 1)
    right = ((x - 7 - way).square() + (y - 15).square() - 36).float()
    down = ((x - 15).square() + (y - 7 - way).square() - 36).float()
    return torch.stack([right, down]).mul(-0.1).sigmoid()[:, :, None].repeat(1, 1, 3, 1, 1)


@pytest.mark.parametrize("chunk", [2, 64])
def test_pull_back_is_what_autograd_gives(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    made = make()
    rendered = made.render()
    gradient = torch.randn(rendered.shape, generator=torch.Generator().manual_seed(1))
    made.pull_back(gradient)
    leaves = [value.detach().double().requires_grad_() for value in made.parameters.values()]
    clips = displaced(leaves[0], leaves[1], [0, 3], 5)
    torch.testing.assert_close(rendered, clips.detach().float(), atol=1e-5, rtol=1e-5)
    clips.backward(gradient.double())
    for mine, leaf in zip(made.parameters.values(), leaves, strict=True):
        assert mine.grad is not None
        assert leaf.grad is not None
        torch.testing.assert_close(mine.grad.double(), leaf.grad, rtol=1e-3, atol=1e-3)


def test_registration_finds_what_moves_further_than_its_size() -> None:
    clips = moving()
    for times in ([2], [0, 4]):
        keys = torch.tensor(times)
        fields = register(clips, keys, parts(times, 5), 4)
        error = (displaced(clips[:, keys], fields, times, 5) - clips).square().mean()
        faded = (displaced(clips[:, keys], 0 * fields, times, 5) - clips).square().mean()
        assert error < 0.1 * faded
    assert torch.equal(fields, register(clips, keys, parts(times, 5), 4))
    alone = register(clips[1:], keys, parts(times, 5), 4)
    torch.testing.assert_close(alone, fields[1:], atol=1e-4, rtol=0)  # no video decides another's


def test_the_start_keeps_frames_of_real_clips(tiny_store: ClipStore) -> None:
    start = Start(tiny_store, 2, 0, EXACT)
    clips, labels = start.clips("real")
    made = Displaced.start(Displaced.Settings(initial_key_frames=2, nodes=3), start)
    assert torch.equal(made.labels, labels)
    assert torch.equal(made.keys.detach(), clips[:, [0, 3]])
    assert made.fields.shape == (len(labels), 4, 2, 3, 3)
    rendered = made.render()
    assert torch.equal(rendered[:, [0, 3]], clips[:, [0, 3]])
    faded = displaced(made.keys.detach(), 0 * made.fields.detach(), [0, 3], 4)
    assert (rendered - clips).square().mean() < (faded - clips).square().mean()
    one = Displaced.start(Displaced.Settings(initial_key_frames=9), start)
    assert torch.equal(one.render(), clips)  # every frame is a key frame, and none is left to move


def test_the_artifact_renders_the_same_clips_and_counts_what_it_stores(tmp_path: Path) -> None:
    made = make()
    about = {"class_names": ("a", "b"), "mean": (0.4, 0.4, 0.4), "std": (0.2, 0.2, 0.2)}
    made.condensed(labels=made.labels, frames=5, **about).save(tmp_path / "file")
    loaded = CondensedVideos.load(tmp_path / "file")
    torch.testing.assert_close(loaded.render(), made.render())
    assert loaded.stored_values == made.stored_values == 3 * (2 * 3 * 36 + 5 * 2 * 9)
    assert made.key_frames == sum(loaded.key_counts) == 6


def test_a_restored_set_is_the_same() -> None:
    made, other = make(), make()
    with torch.no_grad():
        for value in made.parameters.values():
            value += 1
    other.restore({name: value.clone() for name, value in made.state().items()})
    assert torch.equal(other.render(), made.render())
