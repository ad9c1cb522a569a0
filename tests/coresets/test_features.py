"""Features of coresets: whose they are, what they were learned from, and where that is written."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rich.console import Console

from vidcondense import networks
from vidcondense.base.compute import Compute, derive_seed, generator, root_seed
from vidcondense.base.errors import VidcondenseError
from vidcondense.condensed.show import describe
from vidcondense.condensed.summary import Summary
from vidcondense.coresets.features import Features
from vidcondense.coresets.herding import herding
from vidcondense.coresets.k_center import k_center
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD, RealBatch
from vidcondense.data.store import ClipStore
from vidcondense.evaluation.protocols import Strict
from vidcondense.recipes import load as recipe
from vidcondense.recipes.recipe import Recipe
from vidcondense.report import write_report
from vidcondense.run.loop import condense

EXACT = Compute(torch.device("cpu"), torch.float32)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training for features in a few steps."""
    monkeypatch.setattr("vidcondense.coresets.features.Strict", lambda: Strict(steps=12, epochs=1, batch=15))


def load(kind: str, features: str, **others: object) -> Recipe:
    return recipe.load(kind, overrides={"coreset.features": features, **others})


def source_of(store: ClipStore, kind: str, seed: int = 0) -> Features:
    return Features(store, kind, network="minic3d", flip=0.5, seed=seed, compute=EXACT)


def every_training_clip(store: ClipStore) -> RealBatch:
    """The first window of each training video."""
    videos = store.select("train")
    return RealBatch.unflipped(store, videos, videos * 0)


def test_random_features_are_the_embedding_of_one_random_network(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compute, "chunk", lambda *_: 4)  # several pieces, the last one smaller
    source = source_of(tiny_store, "random", seed=7)
    assert source.record == {}
    batch = every_training_clip(tiny_store)
    [found] = source([batch])
    network = networks.build("minic3d", 3, tiny_store.frames, tiny_store.size)
    networks.initialise(network, generator(derive_seed(7, "features"), "weights"))
    mean, std = (torch.tensor(x).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_STD))
    clips = (tiny_store.read(batch.videos, batch.starts) / 255 - mean) / std
    with torch.no_grad():
        expected = network.eval().embed(clips)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3, atol=1e-5)
    assert found.dtype == np.float64
    assert source.record == {"weights": "random", "network": "minic3d", "seed": 7}


def test_features_of_several_networks_stand_side_by_side(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compute, "chunk", lambda *_: 4)
    several = Features(tiny_store, "random", network="minic3d", flip=0.5, seed=7, compute=EXACT, count=3)
    batch = every_training_clip(tiny_store)
    whole, again = several([batch, batch])
    [one] = source_of(tiny_store, "random", seed=7)([batch])
    width = one.shape[1]
    assert whole.shape == (15, 3 * width) and np.array_equal(whole, again)
    assert np.array_equal(whole[:, :width], one), "the first network is that of one alone"
    for number in (1, 2):
        network = networks.build("minic3d", 3, tiny_store.frames, tiny_store.size)
        networks.initialise(network, generator(derive_seed(7, "features"), "weights", number))
        mean, std = (torch.tensor(x).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_STD))
        clips = (tiny_store.read(batch.videos, batch.starts) / 255 - mean) / std
        with torch.no_grad():
            expected = network.eval().embed(clips).numpy()
        found = whole[:, number * width : (number + 1) * width]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert several.record == {"weights": "random", "network": "minic3d", "seed": 7, "networks": 3}


def test_herding_by_several_networks_minimises_their_matching_loss_greedily(
    tiny_store: ClipStore, tmp_path: Path
) -> None:
    made = condense(
        tiny_store, load("herding", "random", vpc=2, **{"coreset.networks": 3}), tmp_path, show=False
    )
    assert made.provenance["features"]["networks"] == 3
    root = root_seed(0, tiny_store.split)
    rng = np.random.default_rng(derive_seed(root, "coreset"))
    pixels = []
    for videos in tiny_store.by_class("train"):
        starts = tiny_store.random_starts(videos, rng)
        [features] = Features(
            tiny_store, "random", network="minic3d", flip=0.5, seed=root, compute=EXACT, count=3
        )([RealBatch.unflipped(tiny_store, videos, starts)])
        rows: list[int] = []
        for _ in range(2):
            losses = {
                row: sum(
                    np.square(part[[*rows, row]].mean(0) - part.mean(0)).sum()
                    for part in np.split(features, 3, axis=1)  # distribution matching, network by network
                )
                for row in set(range(len(videos))) - set(rows)
            }
            rows.append(min(losses, key=lambda row: losses[row]))
        pixels.append(tiny_store.read(videos[rows], starts[rows]))
    assert torch.equal(made.pixels(), torch.cat(pixels))


def test_one_network_is_trained_for_features() -> None:
    with pytest.raises(VidcondenseError, match=r"coreset\.networks = 2 are random ones; .* \"trained\""):
        load("herding", "trained", **{"coreset.networks": 2})


def test_random_selection_makes_no_network(tiny_store: ClipStore, tmp_path: Path) -> None:
    made = condense(tiny_store, recipe.load("random"), tmp_path / "run", show=False)
    assert "features" not in made.provenance


@pytest.mark.parametrize(("kind", "rule"), [("herding", herding), ("k_center", k_center)])
def test_the_condensed_clips_are_those_that_the_rule_picks(
    kind: str, rule: Callable[..., NDArray[np.int64]], tiny_store: ClipStore, tmp_path: Path
) -> None:
    chosen = load(kind, "random", vpc=2)
    made = condense(tiny_store, chosen, tmp_path / "run", precision="float32", show=False)
    assert made.labels.tolist() == [0, 0, 1, 1, 2, 2]
    root = root_seed(chosen.seed, tiny_store.split)
    rng = np.random.default_rng(derive_seed(root, "coreset"))
    starts = [tiny_store.random_starts(videos, rng) for videos in tiny_store.by_class("train")]
    batch = replace(every_training_clip(tiny_store), starts=np.concatenate(starts))
    [features] = source_of(tiny_store, "random", seed=root)([batch])
    rows = [5 * label + row for label in range(3) for row in rule(features[5 * label :][:5], 2)]
    assert torch.equal(made.pixels(), tiny_store.read(batch.videos[rows], batch.starts[rows]))


def test_trained_features_are_recorded_in_file_show_and_report(tiny_store: ClipStore, tmp_path: Path) -> None:
    chosen = load("k_center", "trained", vpc=2, seed=5)
    made = condense(tiny_store, chosen, tmp_path / "a", show=False)
    record = made.provenance["features"]
    assert record["weights"] == "trained"
    assert record["network"] == "minic3d"
    assert record["seed"] == 5
    assert record["training_videos"] == 15
    assert record["training_loss"] < np.log(3)
    assert 1 / 3 < record["training_accuracy"] <= 1
    assert record["protocol"] == Strict(steps=12, epochs=1, batch=15).settings()
    file = tmp_path / "a" / "condensed.safetensors"
    condense(tiny_store, chosen, tmp_path / "b", show=False)
    assert file.read_bytes() == (tmp_path / "b" / "condensed.safetensors").read_bytes()
    assert json.loads((tmp_path / "a" / "run.json").read_text())["seconds"] > 0
    console = Console(width=200)
    with console.capture() as printed:
        console.print(describe(Summary.read(file), file))
    page = write_report([tmp_path / "a"], tmp_path / "report.html").read_text()
    assert "real training clips, chosen by k-center" in page
    assert "2 real clips per class" in page
    for text in (printed.get(), page):
        assert "features.training_accuracy" in text
        assert "features.network" in text


def test_features_are_learned_from_training_videos_alone(
    tiny_store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()
    original = ClipStore.read

    def read(self: ClipStore, videos: np.ndarray, *rest: object) -> torch.Tensor:
        seen.update(np.asarray(videos).tolist())
        return original(self, videos, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ClipStore, "read", read)
    source, random = source_of(tiny_store, "trained"), source_of(tiny_store, "random")
    batch = every_training_clip(tiny_store)
    [trained], [untrained] = source([batch]), random([batch])
    assert seen == set(tiny_store.select("train").tolist())
    assert not np.allclose(trained, untrained)


def test_a_network_that_did_not_learn_is_refused(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_rule = Strict(steps=3, epochs=1, windows=1)
    monkeypatch.setattr("vidcondense.coresets.features.Strict", lambda: quick_rule)
    monkeypatch.setattr(Strict, "train", lambda *_: math.log(3))  # the loss of guessing among three classes
    with pytest.raises(VidcondenseError, match=r"did not learn .* --set coreset\.features=random") as caught:
        condense(tiny_store, load("herding", "trained"), tmp_path / "run", show=False)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_taken_is_refused_before_training(
    tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("vidcondense.coresets.features.train_network", lambda *_: pytest.fail("trained"))
    with pytest.raises(VidcondenseError, match="not an empty folder"):
        condense(tiny_store, load("herding", "trained"), tmp_path, show=False)
