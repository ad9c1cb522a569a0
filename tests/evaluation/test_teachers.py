"""Teachers: their answers against a loop, and what a file keeps of them."""

import pytest
import torch
from torch import Tensor, nn

from vidcondense import networks
from vidcondense.base.compute import Compute, generator
from vidcondense.base.errors import VidcondenseError
from vidcondense.data.augmentation import Augmentation
from vidcondense.data.store import ClipStore
from vidcondense.evaluation import teachers
from vidcondense.evaluation.teachers import TeacherSettings, answers, levels, train_teacher
from vidcondense.networks.base import VideoNetwork

EXACT = Compute(torch.device("cpu"), torch.float32)


class Means(VideoNetwork):
    """Scores that are the mean colours of a clip."""

    widest_activation = 1

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def embed(self, clips: Tensor) -> Tensor:
        return clips.mean((1, 3, 4))

    def logit(self, features: Tensor) -> Tensor:
        return features * self.scale


def test_an_answer_is_the_mean_over_networks_and_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teachers, "PIECE", 2)
    clips = torch.randn(5, 2, 3, 8, 8, generator=generator(1))
    settings = TeacherSettings(count=1, views=3, temperature=2.0)
    found = answers([Means(1.0), Means(4.0)], clips, flip=0.5, settings=settings, seed=7, compute=EXACT)
    rng = generator(7, "views")
    shown = [clips, *(Augmentation().draw(5, 0.5, rng).of(clips) for _ in range(2))]
    each = [(view.mean((1, 3, 4)) * scale / 2).softmax(1) for view in shown for scale in (1.0, 4.0)]
    torch.testing.assert_close(found, torch.stack(each).mean(0))
    torch.testing.assert_close(found.sum(1), torch.ones(5))


def test_levels_are_shares_of_the_likeliest() -> None:
    assert levels(torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.2, 0.4, 0.4]])).tolist() == [
        [255, 136, 136],
        [255, 0, 0],
        [136, 255, 255],
    ]


def test_each_kind_of_network_has_as_many_teachers() -> None:
    assert TeacherSettings(count=2).names == ("minic3d", "convnet3d") * 2
    assert TeacherSettings().names == ()
    with pytest.raises(VidcondenseError, match=r"teachers\.temperature"):
        TeacherSettings(temperature=0.0)


def test_a_teacher_learns_the_training_videos_of_all_classes(tiny_store: ClipStore) -> None:
    settings, losses = TeacherSettings(count=1, network="minic3d", steps=25), list[float]()
    part = tiny_store.only([1])  # of a shard
    network, loss = train_teacher(part, settings, 0, 3, EXACT, losses.append)
    assert len(losses) == 25 and loss < losses[0]
    again, _ = train_teacher(tiny_store, settings, 0, 3, EXACT, losses.append)
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    untrained = networks.draw("minic3d", tiny_store.shape, generator(0))
    videos = tiny_store.select("train")
    clips, goals = teachers.StoreClips(tiny_store, 0.0, EXACT).read(torch.arange(len(videos)), 0, 0)
    rights = [
        (answers([one], clips, flip=0.0, settings=settings, seed=0, compute=EXACT).argmax(1) == goals.values)
        .float()
        .mean()
        for one in (network, untrained)
    ]
    assert rights[0] > 0.6 > rights[1]
