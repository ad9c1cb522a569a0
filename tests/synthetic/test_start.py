"""What learning starts from."""

import pytest
import quick
import torch

from vidcondense import ClipStore, VidcondenseError
from vidcondense.base.compute import Compute
from vidcondense.coresets.features import Features
from vidcondense.coresets.herding import Herding
from vidcondense.coresets.selection import Coreset
from vidcondense.synthetic import Start

EXACT = Compute(torch.device("cpu"), torch.float32)


def clips(store: ClipStore, init: str, coreset: Coreset | None = None) -> torch.Tensor:
    features = Features(store, "random", network="minic3d", flip=0.5, seed=0, compute=EXACT)
    begun, labels = Start(store, 2, 0, EXACT, coreset, features).clips(init)
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    return begun


def test_herding_starts_from_the_clips_that_the_coreset_selects(tiny_store: ClipStore) -> None:
    begun = clips(tiny_store, "herding")
    assert torch.equal(begun, clips(tiny_store, "noise", Herding.default()))
    assert not torch.equal(begun, clips(tiny_store, "real"))


def test_images_cannot_start_from_selected_clips() -> None:
    with pytest.raises(VidcondenseError, match="herding"):
        quick.load("wang", overrides={"synthetic.init": "herding"})
