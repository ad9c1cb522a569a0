"""Criteria against loops over frames."""

import pytest
import torch
import torch.nn.functional as F
from vidcondense.recipes.settings import InsertionSettings

from vidcondense.condensed.interpolation import adjacent_keys
from vidcondense.insertion.criteria import candidates, compared_keys, cosine_similarities, unit_distances

FRAMES = 7


@pytest.fixture
def gradient() -> torch.Tensor:
    values = torch.randn(3, FRAMES, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    values[1, 5] = 0
    return values


@pytest.fixture
def is_key() -> torch.Tensor:
    mask = torch.zeros(3, FRAMES, dtype=torch.bool)
    mask[:, [0, 6]] = True
    mask[1, 3] = True
    mask[2, 2] = mask[2, 5] = True
    return mask


def test_cosines_against_a_loop(gradient: torch.Tensor) -> None:
    found = cosine_similarities(gradient)
    flat = gradient.flatten(2)
    for video in range(3):
        for t in range(FRAMES):
            expected = F.cosine_similarity(flat[video, t][None], flat[video], dim=1)
            torch.testing.assert_close(found[video, t], expected)


@pytest.mark.parametrize("scale", [2.0**-75, 2.0**-100, 2.0**60, 2.0**100])
def test_cosines_do_not_depend_on_scale(scale: float) -> None:
    """Not by a bit, where squares of the gradient would leave float32."""
    gradient = torch.randn(2, 4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    gradient[0, 1] = 0
    assert torch.equal(cosine_similarities(gradient * scale), cosine_similarities(gradient))
    flat = gradient.flatten(2)
    products = flat @ flat.mT
    norms = products.diagonal(dim1=1, dim2=2).sqrt()
    plain = products / (norms[:, :, None] * norms[:, None, :]).clamp(min=1e-30)
    assert torch.equal(cosine_similarities(gradient), plain)


def test_distances_against_a_loop(gradient: torch.Tensor) -> None:
    found = unit_distances(cosine_similarities(gradient))
    unit = F.normalize(gradient.flatten(2), dim=2)
    for video in range(3):
        for t in range(FRAMES):
            expected = (unit[video, t] - unit[video]).norm(dim=1)
            torch.testing.assert_close(found[video, t], expected, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("compare", ["adjacent", "all"])
@pytest.mark.parametrize(
    ("kind", "threshold"), [("gradient", 0.05), ("random", 0.05), ("l2_above", 1.35), ("l2_below", 1.4)]
)
def test_candidates_against_a_loop(
    gradient: torch.Tensor, is_key: torch.Tensor, kind: str, threshold: float, compare: str
) -> None:
    settings = InsertionSettings(kind=kind, threshold=threshold)
    cosines = cosine_similarities(gradient)
    compared = compared_keys(is_key, adjacent_keys(is_key), compare)
    candidate, score = candidates(settings, cosines, is_key, compared)
    distances = unit_distances(cosines)
    for video in range(3):
        keys = is_key[video].nonzero().flatten().tolist()
        for t in range(FRAMES):
            around = {max(k for k in keys if k <= t), min(k for k in keys if k >= t)}
            mine = keys if compare == "all" else sorted(around)
            if kind == "l2_above":
                values = [float(distances[video, t, k]) for k in mine]
                expected = all(value > threshold for value in values)
                values = [-value for value in values]
            else:
                measure = distances if kind == "l2_below" else cosines
                values = [float(measure[video, t, k]) for k in mine]
                expected = all(value < threshold for value in values)
            assert bool(candidate[video, t]) == (expected and t not in keys)
            assert float(score[video, t]) == pytest.approx(sum(values) / len(values), abs=1e-6)
    assert bool(candidate.any())
    assert not bool(candidate[~is_key].all())
