"""What learning starts from."""

import pytest
import quick
import torch

from vidcondense import ClipStore, VidcondenseError
from vidcondense.base.compute import Compute
from vidcondense.coresets.features import Features
from vidcondense.recipes import load as recipe
from vidcondense.synthetic.start import start_clips

EXACT = Compute(torch.device("cpu"), torch.float32)


def start(store: ClipStore, name: str, **overrides: object) -> torch.Tensor:
    chosen = recipe.load(name, overrides=overrides)
    clips, labels = start_clips(store, chosen, EXACT, Features(store, chosen, EXACT, False))
    assert labels.tolist() == sorted(labels.tolist())
    return clips


def test_herding_starts_from_the_clips_that_the_coreset_selects(tiny_store: ClipStore) -> None:
    begun = start(tiny_store, "prism", **{"synthetic.init": "herding", "vpc": 2})
    assert torch.equal(begun, start(tiny_store, "herding", vpc=2))
    assert not torch.equal(begun, start(tiny_store, "prism", **{"synthetic.init": "real", "vpc": 2}))


def test_images_cannot_start_from_selected_clips() -> None:
    with pytest.raises(VidcondenseError, match="herding"):
        quick.load("wang", overrides={"synthetic.init": "herding"})
