"""What holds for any key frames, any gradients and any clips, with hypothesis."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from vidcondense.condensed import CondensedVideos, KeyFrameVideos
from vidcondense.condensed.interpolation import interpolation_weights
from vidcondense.coresets.herding import herding
from vidcondense.coresets.k_center import k_center
from vidcondense.insertion import INSERTIONS
from vidcondense.insertion.schedule import ScheduleSettings
from vidcondense.synthetic.key_frames import KeyFrames

ABOUT: dict[str, Any] = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 1.0)}


@st.composite
def key_sets(draw: st.DrawFn) -> tuple[torch.Tensor, tuple[int, ...]]:
    """Key frames of 1 to 3 videos, (video, time) bool, at least one in each segment; and segments."""
    frames = draw(st.integers(1, 12))
    starts = tuple(sorted({0} | draw(st.sets(st.integers(0, frames - 1), max_size=3))))
    is_key = torch.zeros(draw(st.integers(1, 3)), frames, dtype=torch.bool)
    for row in is_key:
        for first, end in itertools.pairwise([*starts, frames]):
            row[list(draw(st.sets(st.integers(first, end - 1), min_size=1)))] = True
    return is_key, starts


@settings(deadline=None, max_examples=60)
@given(key_sets(), st.sampled_from(["linear", "nearest", "smooth"]))
def test_interpolation_is_exact_at_keys_and_convex_between(
    keys: tuple[torch.Tensor, tuple[int, ...]], algorithm: Any
) -> None:
    is_key, starts = keys
    weights = interpolation_weights(is_key, algorithm, starts)
    for row, mine in zip(weights, is_key, strict=True):
        assert torch.equal(row[mine], torch.eye(len(mine))[mine])
        assert not row[:, ~mine].any()
        torch.testing.assert_close(row.sum(1), torch.ones(len(mine)))
        if algorithm != "smooth":  # whose weights may be negative: it swings over
            assert float(row.min()) >= 0 and float(row.max()) <= 1
            assert int((row > 0).sum(1).max()) <= 2


CRITERIA: list[dict[str, Any]] = [
    {},
    {"compare": "all", "threshold": 0.9},
    {"select": "all", "threshold": 0.5},
    {"select": "all", "most": 2, "threshold": 1.0},
    {"kind": "random", "select": "all", "threshold": 0.9},
    {"kind": "l2_above", "threshold": 0.5},
    {"kind": "l2_below", "threshold": 1.9, "select": "all"},
    {"kind": "uniform", "mean_key_frames": 4.0},
    {"mean_key_frames": 3.5, "select": "all", "threshold": 1.0},
    {"smoothing": 0.5, "threshold": 0.8},
]


@settings(deadline=None, max_examples=60)
@given(
    criterion=st.sampled_from(CRITERIA),
    window=st.tuples(st.sampled_from([0.0, 0.2, 0.5]), st.sampled_from([0.0, 0.3, 0.5])),
    every=st.integers(1, 3),
    starts=st.sampled_from([(0,), (0, 3), (0, 2, 5)]),
    seed=st.integers(0, 1000),
)
def test_insertion(
    criterion: dict[str, Any], window: tuple[float, float], every: int, starts: tuple[int, ...], seed: int
) -> None:
    """Never a frame twice or outside its window, no more than the limit; the clips stay as they are."""
    iterations, (warm_up, cool_down) = 10, window
    rng = torch.Generator().manual_seed(seed)
    made = KeyFrames(torch.randn(2, 8, 3, 1, 1, generator=rng), torch.arange(2), len(starts), segments=starts)
    kind = criterion.get("kind", "gradient")
    chosen = INSERTIONS.settings(kind)(**criterion, warm_up=warm_up, cool_down=cool_down, check_every=every)
    assert isinstance(chosen, ScheduleSettings)
    insertion = INSERTIONS.member(kind)(chosen, iterations, seed)
    for iteration in range(iterations):
        before, keys = made.render(), made.is_key.clone()
        events = insertion.step(iteration, made, torch.randn(2, 8, 3, 1, 1, generator=rng))
        torch.testing.assert_close(made.render(), before)
        new = {(event.video, event.position) for event in events}
        assert len(new) == len(events)
        assert new == {tuple(place) for place in (made.is_key & ~keys).nonzero().tolist()}
        assert bool((made.is_key | ~keys).all())
        assert all(event.iteration == iteration for event in events)
        if events:
            assert warm_up * iterations <= iteration < iterations * (1 - cool_down) + 1e-9
            first = -(-warm_up * iterations // 1)
            assert (iteration - first) % every == 0
        if criterion.get("select", "lowest") == "lowest" and kind != "uniform":
            assert len({event.video for event in events}) == len(events)
        if chosen.mean_key_frames:
            assert made.key_frames <= round(chosen.mean_key_frames * 2)
        for position in made.condensed(
            labels=made.labels, class_names=("a", "b"), frames=8, **ABOUT
        ).key_positions():
            assert position == sorted(set(position))


NAMES = st.text(st.characters(codec=None), max_size=6)  # halves of surrogate pairs too


@settings(deadline=None, max_examples=40)
@given(
    keys=key_sets(),
    storage=st.sampled_from(["float32", "float16", "uint8"]),
    interpolation=st.sampled_from(["linear", "nearest", "smooth"]),
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    names=st.lists(NAMES, min_size=3, max_size=5, unique=True),
    learned=st.booleans(),
)
def test_artifacts_come_back_and_are_counted(
    tmp_path_factory: pytest.TempPathFactory,
    keys: tuple[torch.Tensor, tuple[int, ...]],
    storage: Any,
    interpolation: Any,
    size: tuple[int, int],
    names: list[str],
    learned: bool,
) -> None:
    is_key, starts = keys
    videos, frames = is_key.shape
    rng = torch.Generator().manual_seed(0)
    made = KeyFrameVideos(
        key_frames=torch.randn(int(is_key.sum()), 3, *size, generator=rng),
        positions=is_key.nonzero()[:, 1],
        counts=is_key.sum(1),
        labels=torch.arange(videos),
        class_names=tuple(names),
        frames=frames,
        interpolation=interpolation,
        segments=starts,
        storage=storage,
        targets=torch.randn(videos, len(names), generator=rng) if learned else None,
        learning_rate=0.25 if learned else None,
        **ABOUT,
    )
    path = tmp_path_factory.mktemp("file") / "condensed.safetensors"
    assert made.save(path) == path.stat().st_size
    loaded = CondensedVideos.load(path)
    assert isinstance(loaded, KeyFrameVideos)
    same = ("class_names", "frames", "mean", "std", "interpolation", "segments", "storage", "learning_rate")
    assert [getattr(loaded, name) for name in same] == [getattr(made, name) for name in same]
    for name in ("positions", "counts", "labels"):
        assert torch.equal(getattr(loaded, name), getattr(made, name))
    spread = float(made.key_frames.max() - made.key_frames.min())
    error = {"float32": 0.0, "float16": 2e-3, "uint8": spread / 255 * 0.51}[storage]
    torch.testing.assert_close(loaded.key_frames, made.key_frames, rtol=0, atol=error)
    for name in ("targets", "soft_labels"):
        one, other = getattr(loaded, name), getattr(made, name)
        assert one is other or torch.equal(one, other)
    values = int(is_key.sum()) * 3 * size[0] * size[1]
    assert (made.content_values, made.stored_values) == (values, values + videos * len(names) * learned)
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["vidcondense"])["key_frame_bytes"] == 4 * values
        stored = file.get_tensor("key_frames")
    assert stored.numel() == values
    assert stored.element_size() == {"float32": 4, "float16": 2, "uint8": 1}[storage]
    again = path.with_name("again")
    made.save(again)
    assert again.read_bytes() == path.read_bytes()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=2, max_size=7), st.data())
def test_coresets_against_all_choices(points: list[tuple[int, int]], data: st.DataObject) -> None:
    features = np.array(points, dtype=np.float64)
    count = data.draw(st.integers(1, len(points)))
    picked = herding(features, count).tolist()
    assert len(set(picked)) == count
    for step in range(1, count + 1):  # each is as good as any other that was left
        chosen, before = features[picked[:step]].mean(0), picked[: step - 1]
        others = [row for row in range(len(points)) if row not in before]
        off = [np.linalg.norm(features[[*before, row]].mean(0) - features.mean(0)) for row in others]
        assert np.linalg.norm(chosen - features.mean(0)) <= min(off) + 1e-9
    centres = k_center(features, count).tolist()
    assert len(set(centres)) == count

    def radius(rows: tuple[int, ...] | list[int]) -> float:
        apart = np.linalg.norm(features[:, None] - features[list(rows)][None], axis=2)
        return float(apart.min(1).max())

    best = min(map(radius, itertools.combinations(range(len(points)), count)))
    # Gonzalez: farthest-first is within twice the best. Its first centre is the clip nearest to the mean.
    assert radius(centres) <= 2 * best + 1e-9 or count == 1
