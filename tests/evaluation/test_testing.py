"""Orders of frames, and the scores of test videos in them, against sums by hand."""

import torch
from torch import Tensor, nn

from vidcondense.base.compute import Compute, generator
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.testing import ORDERS, reversed_in_time, score_store, shuffled, stilled
from vidcondense.networks.base import VideoNetwork

EXACT = Compute(torch.device("cpu"), torch.float32)


class Watches(VideoNetwork):
    """Class 1 scores how far later frames are brighter than earlier ones, class 2 how bright all are."""

    widest_activation = 1

    def __init__(self) -> None:
        super().__init__()
        self.logit = nn.Identity()

    def embed(self, clips: Tensor) -> Tensor:
        light = clips.mean((2, 3, 4))
        weights = torch.linspace(-1, 1, light.shape[1])
        return torch.stack([light @ weights, light.mean(1), torch.zeros(len(light))], 1)


def test_orders_keep_the_frames_and_change_their_order() -> None:
    clips = torch.arange(6.0).view(1, 6, 1, 1, 1).expand(50, 6, 3, 2, 2)
    assert reversed_in_time(clips, generator(0))[0, :, 0, 0, 0].tolist() == [5, 4, 3, 2, 1, 0]
    assert stilled(clips, generator(0))[0, :, 0, 0, 0].tolist() == [3] * 6
    orders = shuffled(clips, generator(0))[:, :, 0, 0, 0]
    assert torch.equal(orders.sort(1).values, clips[:, :, 0, 0, 0])
    assert len({tuple(order) for order in orders.tolist()}) > 30  # every clip has its own
    assert torch.equal(orders, shuffled(clips, generator(0))[:, :, 0, 0, 0])


def test_scores_in_each_order_are_those_of_clips_in_that_order(tiny_store: ClipStore) -> None:
    network = Watches()
    scores, truth, controls = score_store(network, tiny_store, EXACT, 1, ORDERS, seed=3)
    videos = tiny_store.select("test")
    assert truth.tolist() == tiny_store.labels[videos].tolist()
    assert list(controls) == ["shuffled", "reversed", "stilled"]
    plain = scores.log()[:, 0] - scores.log()[:, 2]  # class 1's score, since class 3's is 0
    turned = controls["reversed"].log()[:, 0] - controls["reversed"].log()[:, 2]
    still = controls["stilled"].log()[:, 0] - controls["stilled"].log()[:, 2]
    torch.testing.assert_close(turned, -plain, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(still, torch.zeros_like(still), rtol=0, atol=1e-4)
    light, same = (one.log()[:, 1] - one.log()[:, 2] for one in (scores, controls["shuffled"]))
    torch.testing.assert_close(light, same, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(controls["shuffled"], scores, atol=1e-3)


def test_no_orders_give_no_controls(tiny_store: ClipStore) -> None:
    assert score_store(Watches(), tiny_store, EXACT, 1).controls == {}
