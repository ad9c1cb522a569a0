"""What an iteration costs, in counts that do not depend on the machine or its load."""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from vidcondense import ClipStore, networks
from vidcondense.base.compute import Compute, generator
from vidcondense.networks import winograd
from vidcondense.recipes import load as recipe
from vidcondense.run.state import State

EXACT = Compute(torch.device("cpu"), torch.float32)


class Launches(TorchDispatchMode):
    """Counts operators that are launched."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def multiplications(clips: int) -> int:
    network = networks.build("minic3d", 21, 8, 64).requires_grad_(False)
    networks.initialise(network, generator(0))
    network.embed(torch.zeros(clips, 8, 3, 64, 64))  # the kernel's side, once for all clips
    with FlopCounterMode(display=False) as counter:
        network.embed(torch.zeros(clips, 8, 3, 64, 64))
    return counter.get_total_flops() // 2


@pytest.mark.skipif(not winograd.built(), reason="the compiled convolutions were not built")
def test_compiled_convolutions_multiply_a_sixth_of_what_the_plain_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, real = [], torch.bmm

    def counted(a: torch.Tensor, b: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
        made.append(a.numel() * b.shape[2])
        return real(a, b, out=out)

    monkeypatch.setattr(torch, "bmm", counted)
    taps = 3 * 7 * 7
    layers = [64 * (8 * 32 * 32) * taps * 3, 128 * (8 * 8 * 8) * taps * 64, 128 * (4 * 2 * 2) * taps * 128]
    assert multiplications(8) == 8 * sum(layers), "they are counted as the plain method's"
    assert sum(made) == 2 * 8 * layers[1] // 6  # two passes
    assert sum(made) == 2 * 8 * 196 * (4 * 2 * 2) * (4 * 64) * 128  # points x tiles x phases and channels


def test_real_clips_take_no_more_multiplications_than_winograd_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "lanes", lambda: 0)  # as if nothing was compiled
    pairs = 64 * (8 * 32 * 32) * (3 * 7 * 4 * 6)  # outputs x taps: 4 pairs of columns of 6 channels
    in_time = 128 * (16 * 8 * 8) * (7 * 7 * 64)  # 16 two-dimensional convolutions in place of 24
    plain = 128 * (4 * 2 * 2) * (3 * 7 * 7 * 128)
    assert multiplications(2) == 2 * (pairs + in_time + plain)


@pytest.mark.parametrize("name", ["prism_fast", "prism", "prism_trained_small"])
def test_launches_do_not_grow_with_the_number_of_videos(
    name: str, tiny_store: ClipStore, tmp_path: Any
) -> None:
    counts = []
    few = {"experts.count": 1, "experts.steps": 0} if "trained" in name else {}
    given = {"insertion.threshold": 1.0, "insertion.warm_up": 0.0, "flip": 0.0, **few}
    for vpc in (1, 4):
        chosen = recipe.load(name, vpc=vpc, overrides=given)
        state = State.start(tiny_store, chosen, EXACT)
        state.objective.prepare(tmp_path, False)
        state.iterate()  # an optimiser makes its moments in its first step
        with Launches() as launches:
            state.iterate()
        counts.append(launches.count)
    assert counts[0] == counts[1]
