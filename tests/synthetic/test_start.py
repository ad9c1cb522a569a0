"""What learning starts from."""

import numpy as np
import pytest
import quick
import torch

from vidcondense import ClipStore, VidcondenseError
from vidcondense.base.compute import Compute, derive_seed
from vidcondense.coresets.features import Features
from vidcondense.coresets.herding import Herding
from vidcondense.coresets.selection import Coreset
from vidcondense.data.batches import windows_by_class
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


def test_the_windows_of_real_clips_are_those_that_learning_begins_with(tiny_store: ClipStore) -> None:
    start = Start(tiny_store, 2, 0, EXACT)
    ((read, labels),) = start.windows("real").read(tiny_store, EXACT, 99)
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert torch.equal(read, start.clips("real")[0])


def test_images_cannot_start_from_selected_clips() -> None:
    with pytest.raises(VidcondenseError, match="herding"):
        quick.load("wang", overrides={"synthetic.init": "herding"})


@pytest.mark.parametrize("vpc", [1, 3])
def test_means_are_those_of_the_windows_of_a_class(tiny_store: ClipStore, vpc: int) -> None:
    start = Start(tiny_store, vpc, 0, Compute(torch.device("cpu"), torch.float32))
    begun, labels = start.clips("mean")
    classes = windows_by_class(tiny_store, np.random.default_rng(derive_seed(0, "coreset")))
    assert labels.tolist() == [number for number in range(3) for _ in range(vpc)]
    for number, windows in enumerate(classes):
        ((real, _),) = windows.read(tiny_store, start.compute, 99)
        ours = begun[labels == number]
        sizes = [len(real) // vpc + (group < len(real) % vpc) for group in range(vpc)]
        whole = sum(size * mean for size, mean in zip(sizes, ours, strict=True))
        torch.testing.assert_close(whole, real.sum(0), rtol=1e-4, atol=1e-4)
        if vpc > 1:
            assert not torch.allclose(ours[0], ours[1])
    alone, _ = Start(tiny_store.only(range(1, 2)), vpc, 0, start.compute).clips("mean")
    assert torch.equal(alone, begun[labels == 1])
