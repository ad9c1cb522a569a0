"""Static and dynamic memories: draws, the gradient's way back, stages, and the artifact's clips."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from vidcondense.base.compute import Compute
from vidcondense.condensed import StaticDynamicVideos
from vidcondense.condensed.hallucinator import hallucinate, initial
from vidcondense.data.store import ClipStore
from vidcondense.synthetic import Start, StaticDynamic
from vidcondense.synthetic import static_dynamic as module

EXACT = Compute(torch.device("cpu"), torch.float32)
ABOUT = {"class_names": ("a", "b"), "frames": 4, "mean": (0.4, 0.4, 0.4), "std": (0.2, 0.2, 0.2)}


def make(videos: int = 3, *, learn_static: bool = False) -> StaticDynamic:
    rng = torch.Generator().manual_seed(0)
    static = torch.randn(2 * videos, 3, 5, 6, generator=rng)
    dynamic = torch.randn(2 * videos, 4, 1, 5, 6, generator=rng)
    labels = torch.arange(videos) // 2
    return StaticDynamic(static, dynamic, initial(rng), labels, learn_static=learn_static)


def by_hand(static: Tensor, dynamic: Tensor, weight: Tensor, bias: Tensor) -> np.ndarray:
    """The clip (time, 3, height, width) of one image and one motion, sum by sum in float64."""
    frames, _, height, width = dynamic.shape
    joined = np.zeros((4, frames + 2, height + 2, width + 2))
    joined[:3, 1:-1, 1:-1, 1:-1] = static.detach().numpy()[:, None]
    joined[3, 1:-1, 1:-1, 1:-1] = dynamic.detach().numpy()[:, 0]
    kernel = weight.detach().double().numpy()
    clip = np.empty((frames, 3, height, width))
    for t, c, y, x in np.ndindex(*clip.shape):
        window = joined[:, t : t + 3, y : y + 3, x : x + 3]
        clip[t, c, y, x] = (window * kernel[c]).sum() + float(bias[c].detach())
    return clip


def test_the_hallucinator_is_the_convolution_of_the_paper() -> None:
    rng = torch.Generator().manual_seed(1)
    static, dynamic = torch.randn(2, 3, 4, 5, generator=rng), torch.randn(2, 3, 1, 4, 5, generator=rng)
    weight, bias = initial(rng)
    assert weight.numel() + bias.numel() == 327
    assert max(weight.abs().max(), bias.abs().max()) <= 1 / math.sqrt(108)
    assert weight.std() == pytest.approx(1 / math.sqrt(3 * 108), rel=0.1)
    clips = hallucinate(static, dynamic, weight, bias)
    for number in range(2):
        expected = by_hand(static[number], dynamic[number], weight, bias)
        np.testing.assert_allclose(clips[number].numpy(), expected, atol=1e-5)


def test_every_pair_is_drawn_equally_often_and_independently_for_each_video() -> None:
    made = make(videos=2)
    clips = {
        (video, a, b): by_hand(
            made.values["static"][2 * video + a],
            made.values["dynamic"][2 * video + b],
            made.values["hallucinator_weight"],
            made.values["hallucinator_bias"],
        )
        for video in range(2)
        for a in range(2)
        for b in range(2)
    }
    drawn: Counter[tuple[int, ...]] = Counter()
    for seed in range(400):
        made.draw(torch.Generator().manual_seed(seed))
        rendered = made.render().double().numpy()
        pairs: tuple[int, ...] = ()
        for video in range(2):
            found = [key for key, clip in clips.items() if np.abs(clip - rendered[video]).max() < 1e-4]
            assert len(found) == 1
            assert found[0][0] == video
            pairs += found[0][1:]
        drawn[pairs] += 1
    assert len(drawn) == 16
    # Of 400 draws 25 each; six standard deviations of a binomial leave no room for chance.
    assert max(abs(count - 25) for count in drawn.values()) < 6 * math.sqrt(400 / 16 * 15 / 16)


def test_a_draw_is_that_of_its_seed() -> None:
    made = make(videos=20)
    made.draw(torch.Generator().manual_seed(3))
    first = made.render()
    made.draw(torch.Generator().manual_seed(4))
    assert not torch.equal(made.render(), first)
    made.draw(torch.Generator().manual_seed(3))
    assert torch.equal(made.render(), first)


@pytest.mark.parametrize("learn_static", [False, True])
@pytest.mark.parametrize("chunk", [2, 64])
def test_pull_back_is_what_autograd_gives(
    learn_static: bool, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    made = make(videos=3, learn_static=learn_static)
    made.draw(torch.Generator().manual_seed(5))
    rendered = made.render()
    gradient = torch.randn(rendered.shape, generator=torch.Generator().manual_seed(6))
    made.pull_back(gradient)
    leaves = {name: value.detach().double().requires_grad_() for name, value in made.values.items()}
    clips = []
    for video in range(3):  # find the pair that was drawn by its clip
        for a, b in np.ndindex(2, 2):
            chosen = (leaves["static"][2 * video + a], leaves["dynamic"][2 * video + b])
            joined = torch.cat([chosen[0].expand(4, 3, 5, 6), chosen[1]], 1).transpose(0, 1)
            clip = torch.nn.functional.conv3d(
                joined, leaves["hallucinator_weight"], leaves["hallucinator_bias"], padding=1
            ).transpose(0, 1)
            if (clip - rendered[video]).abs().max() < 1e-4:
                clips.append(clip)
    assert len(clips) == 3
    torch.stack(clips).backward(gradient.double())
    assert list(made.parameters)[-3:] == ["dynamic", "hallucinator_weight", "hallucinator_bias"]
    assert ("static" in made.parameters) is learn_static
    for name, value in made.parameters.items():
        assert value.grad is not None
        torch.testing.assert_close(value.grad.double(), leaves[name].grad, rtol=1e-4, atol=1e-4)
    unused = [number for number in range(6) if not made.values["dynamic"].grad[number].any()]
    assert len(unused) == 3
    assert made.values["static"].grad is None or learn_static


def test_in_the_static_stage_every_image_is_a_clip_that_stands_still() -> None:
    made = make()
    made.enter("static")
    assert made.labels.tolist() == [0, 0, 0, 0, 1, 1]
    rendered = made.render()
    assert rendered.shape == (6, 4, 3, 5, 6)
    assert all(torch.equal(rendered[:, t], made.values["static"]) for t in range(4))
    gradient = torch.randn_like(rendered)
    made.pull_back(gradient)
    assert list(made.parameters) == ["static"]
    torch.testing.assert_close(made.values["static"].grad, gradient[:, 0] + gradient[:, 1:].sum(1))
    made.enter("dynamic")
    assert made.labels.tolist() == [0, 0, 1]
    assert made.render().shape == (3, 4, 3, 5, 6)


@pytest.mark.parametrize("stage", ["static", "dynamic"])
def test_a_restored_set_is_the_same_whatever_the_stage(stage: str) -> None:
    made, other = make(), make()
    with torch.no_grad():
        for value in made.values.values():
            value += 1
    for one in (made, other):
        one.enter(stage)
    other.restore({name: value.clone() for name, value in made.state().items()})
    for one in (made, other):
        one.draw(torch.Generator().manual_seed(0))
    assert torch.equal(other.render(), made.render())
    assert all(torch.equal(other.values[name], made.values[name]) for name in made.values)


def test_the_artifact_renders_what_any_draw_shows() -> None:
    made = make()
    condensed = made.condensed(labels=made.labels, targets=torch.tensor([[1.0, 0], [0, 1], [2, 3]]), **ABOUT)
    assert isinstance(condensed, StaticDynamicVideos)
    assert (condensed.vpc, condensed.videos, len(condensed)) == (2, 3, 12)
    assert condensed.labels.tolist() == [0] * 8 + [1] * 4
    assert condensed.targets is not None
    assert condensed.targets[4:9].tolist() == [[0, 1]] * 4 + [[2, 3]]
    assert condensed.content_values == made.stored_values
    whole = condensed.render()
    seen = set()
    for seed in range(30):
        made.draw(torch.Generator().manual_seed(seed))
        for video, clip in enumerate(made.render()):
            of_video = whole[4 * video : 4 * video + 4]
            found = [number for number in range(4) if torch.allclose(of_video[number], clip, atol=1e-5)]
            assert len(found) == 1
            seen.add((video, found[0]))
    assert len(seen) == 12


@pytest.mark.parametrize(("vpc", "mebibytes"), [(1, 90.92), (5, 454.6), (10, 909.2)])
def test_storage_is_that_of_the_published_table(vpc: int, mebibytes: float) -> None:
    memories = 50 * 2 * vpc
    static = torch.empty(1).expand(memories, 3, 112, 112)
    dynamic = torch.empty(1).expand(memories, 16, 1, 112, 112)
    made = StaticDynamic(static, dynamic, initial(torch.Generator()), torch.arange(50 * vpc) // vpc)
    frame = 112 * 112
    assert made.stored_values == memories * 3 * frame + memories * 16 * frame + 327
    assert made.stored_values * 4 / 2**20 == pytest.approx(mebibytes, abs=0.05 if vpc > 1 else 0.005)


@pytest.mark.parametrize("init", ["real", "noise"])
def test_the_start(init: str, tiny_store: ClipStore) -> None:
    settings = StaticDynamic.Settings(init=init)  # type: ignore[arg-type]
    made = StaticDynamic.start(settings, Start(tiny_store, 4, 0, EXACT))
    assert made.values["static"].shape == (24, 3, 32, 32)
    assert made.values["dynamic"].shape == (24, 4, 1, 32, 32)
    assert made.values["dynamic"].detach().mean().abs() < 0.02
    assert made.values["dynamic"].detach().std() == pytest.approx(1, abs=0.02)
    other = StaticDynamic.start(settings, Start(tiny_store, 4, 1, EXACT))
    assert not any(torch.equal(other.parameters[name], value) for name, value in made.parameters.items())
    if init == "noise":
        assert made.values["static"].detach().std() == pytest.approx(1, abs=0.05)
        return
    # 8 images of a class with 5 videos: each is a frame of a training video of its class, and they differ.
    stills, train = tiny_store.stills(), tiny_store.select("train")
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    images = ((made.values["static"].detach() * std + mean) * 255).round()
    for label in range(3):
        mine = train[tiny_store.labels[train] == label]
        frames = torch.cat(
            [stills.read(np.repeat(v, n), np.arange(n))[:, 0] for v in mine for n in [tiny_store.lengths[v]]]
        ).float()
        gaps = (images[8 * label : 8 * label + 8, None] - frames).abs().flatten(2).amax(2).amin(1)
        assert gaps.max() == 0
    assert len({image.numpy().tobytes() for image in images}) > 12


def test_stills_stand_still(tiny_store: ClipStore) -> None:
    stills = tiny_store.stills()
    videos = tiny_store.select("train")
    starts = stills.random_starts(np.repeat(videos, 50), np.random.default_rng(0))
    assert {0, 15} <= set(starts.tolist())  # any of the 16 frames
    clips = stills.read(videos, starts[: len(videos)])
    assert all(torch.equal(clips[:, t], clips[:, 0]) for t in range(tiny_store.frames))
    first = tiny_store.read(videos, starts[: len(videos)])[:, 0]
    assert torch.equal(clips[:, 0], first)
    assert tiny_store.stride != 0
