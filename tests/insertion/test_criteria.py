"""Criteria against loops over frames."""

import pytest
import torch
import torch.nn.functional as F

from vidcondense.condensed.interpolation import adjacent_keys
from vidcondense.insertion.criteria import compared_keys, cosine_similarities, unit_distances

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
def test_the_key_frames_compared_with_against_a_loop(is_key: torch.Tensor, compare: str) -> None:
    found = compared_keys(is_key, adjacent_keys(is_key), compare)
    for video in range(3):
        keys = is_key[video].nonzero().flatten().tolist()
        for t in range(FRAMES):
            around = {max(k for k in keys if k <= t), min(k for k in keys if k >= t)}
            expected = keys if compare == "all" else sorted(around)
            assert found[video, t].nonzero().flatten().tolist() == expected
