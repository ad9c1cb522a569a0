"""Each script in examples/methods gives the numbers of its recipe: parts work in a loop of one's own."""

import runpy
from pathlib import Path
from typing import Any

import pytest
import quick
import torch

from vidcondense import ClipStore, CondensedVideos, condense
from vidcondense.condensed import KeyFrameVideos, StaticDynamicVideos
from vidcondense.experts.settings import ExpertSettings

SCRIPTS = Path(__file__).parent.parent / "examples" / "methods"
EXACT = {"storage": "float32"}


def by_hand(name: str, *arguments: Any, **settings: Any) -> Any:
    """What the script's `condense` gives."""
    return runpy.run_path(str(SCRIPTS / f"{name}.py"))["condense"](*arguments, **settings)


def by_recipe(store: ClipStore, name: str, out: Path, **overrides: Any) -> CondensedVideos:
    """What the recipe gives, with the same few iterations and clips."""
    chosen = quick.load(
        name, overrides={**EXACT, **{key.replace("__", "."): one for key, one in overrides.items()}}
    )
    return condense(store, chosen, out / "run", device="cpu", precision="float32", show=False)


def frames(condensed: CondensedVideos) -> torch.Tensor:
    """The stored frames."""
    assert isinstance(condensed, KeyFrameVideos)
    return condensed.key_frames


def test_prism(tiny_store: ClipStore, tmp_path: Path) -> None:
    wanted = by_recipe(tiny_store, "prism", tmp_path, iterations=8, vpc=2, seed=1)
    videos = by_hand("prism", tiny_store, 8, vpc=2, batch=2, seed=1)
    assert videos.key_frames > 2 * len(videos.labels), "frames were inserted"
    assert torch.equal(videos.values.detach()[videos.is_key], frames(wanted))


def test_dm(tiny_store: ClipStore, tmp_path: Path) -> None:
    wanted = by_recipe(tiny_store, "dm", tmp_path, iterations=3)
    assert torch.equal(by_hand("dm", tiny_store, 3, batch=2).flatten(0, 1), frames(wanted))


def test_gradient_matching(tiny_store: ClipStore, tmp_path: Path) -> None:
    wanted = by_recipe(tiny_store, "dc", tmp_path, iterations=2)
    assert torch.equal(by_hand("gradient_matching", tiny_store, 2, batch=2).flatten(0, 1), frames(wanted))


def test_trajectory_matching(tiny_store: ClipStore, tmp_path: Path) -> None:
    wanted = by_recipe(
        tiny_store, "mtt_small", tmp_path, iterations=3, objective__max_start_epoch=2, experts__epochs=2
    )
    few = ExpertSettings(count=2, epochs=2, batch=4, learning_rate=0.1)
    clips, step_size = by_hand(
        "trajectory_matching", tiny_store, tmp_path / "experts", 3, experts=few, start_epochs=2, steps=2
    )
    assert torch.equal(clips.flatten(0, 1), frames(wanted))
    assert step_size == wanted.learning_rate


def test_frepo(tiny_store: ClipStore, tmp_path: Path) -> None:
    wanted = by_recipe(tiny_store, "frepo", tmp_path, iterations=5, objective__pool_updates=2)
    clips, targets = by_hand("frepo", tiny_store, 5, batch=2, pool=2, updates=2)
    assert torch.equal(clips.flatten(0, 1), frames(wanted))
    assert wanted.targets is not None
    assert torch.equal(targets, wanted.targets)


def test_static_dynamic(tiny_store: ClipStore, tmp_path: Path) -> None:
    wanted = by_recipe(tiny_store, "wang", tmp_path, iterations=3, synthetic__static_iterations=2)
    videos = by_hand("static_dynamic", tiny_store, 3, 2, batch=2)
    assert isinstance(wanted, StaticDynamicVideos)
    assert torch.equal(videos.values["static"].detach(), wanted.static)
    assert torch.equal(videos.values["dynamic"].detach(), wanted.dynamic)
    assert torch.equal(videos.values["hallucinator_weight"].detach(), wanted.weight)


def test_herding(tiny_store: ClipStore, tmp_path: Path) -> None:
    wanted = by_recipe(tiny_store, "herding", tmp_path, vpc=2)
    assert torch.equal(by_hand("herding", tiny_store, 2).flatten(0, 1), frames(wanted))


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_scripts_are_short(script: Path) -> None:
    assert len(script.read_text().splitlines()) <= 70
