"""Operations and bytes of an iteration, against arithmetic by hand."""

import pytest
import quick
import torch

from vidcondense import networks
from vidcondense.base.compute import Compute
from vidcondense.data.store import ClipStore
from vidcondense.networks.measure import Iteration, flops_of_embedding, measure
from vidcondense.recipes import load as recipe
from vidcondense.run.cost import Cost
from vidcondense.run.loop import preview
from vidcondense.run.state import State

EXACT = Compute(torch.device("cpu"), torch.float32)


@pytest.mark.parametrize("vpc", [1, 3])
def test_an_iteration_of_distribution_matching(vpc: int, tiny_store: ClipStore) -> None:
    overrides = {"vpc": vpc, "objective.batch_real": 4}
    state = State.start(tiny_store, quick.load("dm", overrides=overrides), EXACT)
    one = measure(state.match, tiny_store)
    each = flops_of_embedding(networks.outline("minic3d", 3, 4, 32), 4, 32)
    real, synthetic = 3 * 4, 3 * vpc
    assert one.flops == pytest.approx(each * (real + 2 * synthetic), rel=0.05)  # a CPU pads one kernel
    assert one.read == real * 4 * 32 * 32 * 3
    assert one.seconds > 0


@pytest.mark.parametrize("name", ["dc", "frepo", "wang"])
def test_every_objective_can_be_counted(name: str, tiny_store: ClipStore) -> None:
    state = State.start(tiny_store, recipe.load(name), EXACT)
    assert measure(state.match, tiny_store).flops > 10**7


def test_what_is_said() -> None:
    cost = Cost(Iteration(0.5, 3 * 10**9, 2**21), 1000, 10.0, 2**20, 2**22, 2**30, 2**25, EXACT)
    assert cost.seconds == 510
    assert cost.describe().splitlines() == [
        "result 1.00 MiB as float32 (at most 4.00 MiB with all insertions); store 32.0 MiB; "
        "peak memory about 1,024 MiB",
        "per iteration 3.0 GFLOP, 2.00 MiB read, 0.500 s (6 GFLOP/s on cpu in float32)",
        "1,000 iterations: 3.0 TFLOP, 2,000 MiB read, about 8 min 30 s with 10.0 s to start",
    ]


def test_a_preview_counts_all_iterations_and_the_start(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidcondense.run.loop.PREVIEW_SECONDS", 0.0)
    chosen = quick.load("prism_small", overrides={"iterations": 77})
    cost = preview(tiny_store, chosen, device="cpu", spent=5.0)
    assert cost is not None
    assert cost.iterations == 77
    assert cost.start > 5
    assert cost.store == tiny_store.bytes
    assert cost.memory > 2**27  # PyTorch alone takes more
