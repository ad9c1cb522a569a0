"""What learning sees of frames that a file holds as coded video, when, and what it does to the set."""

from pathlib import Path

import pytest
import quick
import torch
from safetensors.torch import load_file

from vidcondense.base.compute import Compute
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.filling import filled
from vidcondense.data.store import ClipStore
from vidcondense.recipes.recipe import Recipe
from vidcondense.run import state as of_state
from vidcondense.run.artifact import artifact, decoded
from vidcondense.run.loop import condense
from vidcondense.run.state import State

EXACT = Compute(torch.device("cpu"), torch.float32)
LOOP = {"synthetic.coded_every": 1}


def chosen(name: str = "prism_small", **overrides: object) -> Recipe:
    return quick.load(name, overrides={"storage": "av1", "quality": 45, **overrides})


@pytest.mark.parametrize("budget", [0, 3500])
@pytest.mark.parametrize("name", ["prism_small", "dm_small"])
def test_what_is_seen_is_what_the_file_gives_back(
    name: str, budget: int, tiny_store: ClipStore, tmp_path: Path
) -> None:
    state = State.start(tiny_store, chosen(name, budget=budget, **LOOP), EXACT)
    state.synthetic.look(decoded(state))
    made = artifact(state)
    (filled(made, budget) if budget else made).save(tmp_path / "file")
    read = CondensedVideos.load(tmp_path / "file")
    torch.testing.assert_close(state.synthetic.render(), read.render_stored(), rtol=0, atol=1e-5)
    assert not torch.allclose(state.synthetic.render(), made.render_stored(), atol=0.1)


@pytest.mark.parametrize("name", ["prism_small", "dm_small"])
def test_the_gradient_at_what_is_seen_passes_straight_through(name: str, tiny_store: ClipStore) -> None:
    state = State.start(tiny_store, chosen(name, **LOOP), EXACT)
    state._look_at_coded()
    loss, gradient = state.match()
    there = State.start(tiny_store, chosen(name), EXACT)
    with torch.no_grad():  # what is seen to the last digit, for flat blocks have ties in pooling
        there.synthetic.values.copy_(state.synthetic.seen)
    wanted_loss, wanted = there.match()
    assert loss == pytest.approx(wanted_loss, rel=1e-6)
    torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-6 * float(wanted.abs().max()))
    for one in (state, there):
        one.synthetic.pull_back(wanted)
    torch.testing.assert_close(state.synthetic.values.grad, there.synthetic.values.grad, rtol=0, atol=0)


def test_frames_are_coded_at_the_start_and_every_few_iterations(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State.start(tiny_store, chosen(**{"synthetic.coded_every": 3, "iterations": 8}), EXACT)
    coded: list[int] = []

    def noting(state: State) -> torch.Tensor:
        coded.append(state.iteration)
        return decoded(state)

    monkeypatch.setattr(of_state, "decoded", noting)
    for _ in range(8):
        state.iterate()
    assert coded == [0, 3, 6]


def test_a_new_key_frame_leaves_what_is_seen_as_it_is(tiny_store: ClipStore) -> None:
    state = State.start(tiny_store, chosen(**LOOP), EXACT)
    state._look_at_coded()
    before, synthetic = state.synthetic.render(), state.synthetic
    synthetic.lost[~synthetic.is_key] = 9.0  # of frames that were stored once, and no more
    synthetic.insert(torch.ones_like(synthetic.is_key))
    torch.testing.assert_close(synthetic.render(), before)
    assert synthetic.lost[:, [0, -1]].any() and not synthetic.lost[:, 1:-1].any()


def test_a_set_that_saw_its_file_is_another(tiny_store: ClipStore, tmp_path: Path) -> None:
    for folder, overrides in {"off": {}, "on": LOOP}.items():
        condense(tiny_store, chosen(**overrides), tmp_path / folder, precision="float32", show=False)
    off, on = (CondensedVideos.load(tmp_path / folder) for folder in ("off", "on"))
    assert off != on


def test_a_price_of_bits_makes_the_file_smaller(tiny_store: ClipStore, tmp_path: Path) -> None:
    sizes = []
    for weight in (0.0, 1e-4):
        out = tmp_path / f"{weight}"
        recipe = chosen(**{"synthetic.rate_weight": weight, "iterations": 10, "insertion.kind": "none"})
        condense(tiny_store, recipe, out, precision="float32", show=False)
        sizes.append(load_file(out / "condensed.safetensors")["key_frames"].nbytes)
    assert sizes[1] < 0.9 * sizes[0]


@pytest.mark.parametrize("key", ["synthetic.coded_every", "synthetic.rate_weight"])
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"storage": "float16"}, "would be read by nothing: storage = 'float16' codes no video"),
        ({"storage": "av1", "synthetic.kind": "displaced"}, r"belongs to synthetic\.kind = 'every_frame' or"),
        ({"storage": "av1", "synthetic.kind": "static_dynamic"}, "and with 'static_dynamic' nothing would"),
        ({"storage": "av1", "coreset.kind": "herding"}, "keeps real clips as they are and learns nothing"),
    ],
)
def test_settings_that_nothing_would_read_are_refused(
    overrides: dict[str, object], message: str, key: str
) -> None:
    name = "random" if "coreset.kind" in overrides else "dm"
    with pytest.raises(VidcondenseError, match=message) as caught:
        quick.load(name, overrides={**overrides, key: 1})
    assert key in str(caught.value) and "\n" not in str(caught.value)
