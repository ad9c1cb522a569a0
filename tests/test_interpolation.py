"""Interpolation against a slow loop over the formula."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vidcondense.interpolation import interpolate
from vidcondense.synthetic.key_frames import KeyFrames, interpolation_weights


@st.composite
def key_positions(draw: st.DrawFn) -> tuple[int, list[int]]:
    frames = draw(st.integers(2, 17))
    inner = draw(st.sets(st.integers(1, frames - 2))) if frames > 2 else set()
    return frames, sorted({0, frames - 1} | inner)


def slow(keys: torch.Tensor, positions: list[int], frames: int) -> torch.Tensor:
    """PRISM eq. 3 as written: s_t = alpha s_left + (1 - alpha) s_right."""
    rendered = []
    for t in range(frames):
        left = max(i for i, k in enumerate(positions) if k <= t)
        if positions[left] == t:
            rendered.append(keys[left])
            continue
        alpha = (positions[left + 1] - t) / (positions[left + 1] - positions[left])
        rendered.append(alpha * keys[left] + (1 - alpha) * keys[left + 1])
    return torch.stack(rendered)


def test_two_key_frames_by_hand() -> None:
    keys = torch.tensor([0.0, 3.0]).view(2, 1, 1, 1)
    rendered = interpolate(keys, torch.tensor([0, 3]), 4)
    torch.testing.assert_close(rendered.flatten(), torch.arange(4.0))


@settings(deadline=None, max_examples=60)
@given(key_positions(), st.integers(0, 2**31))
def test_agrees_with_the_formula(case: tuple[int, list[int]], seed: int) -> None:
    frames, positions = case
    keys = torch.randn(len(positions), 3, 2, 2, generator=torch.Generator().manual_seed(seed))
    expected = slow(keys, positions, frames)
    torch.testing.assert_close(interpolate(keys, torch.tensor(positions), frames), expected)

    is_key = torch.zeros(1, frames, dtype=torch.bool)
    is_key[0, positions] = True
    values = torch.full((1, frames, 3, 2, 2), 7.0)  # what is stored at other places must not matter
    values[0, positions] = keys
    weights = interpolation_weights(is_key)
    torch.testing.assert_close(weights.sum(2), torch.ones(1, frames))
    made = KeyFrames(values, torch.tensor([0]))
    made.is_key = is_key
    torch.testing.assert_close(made.render()[0], expected)
