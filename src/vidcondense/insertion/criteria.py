"""Criteria: which frames disagree with the key frames, and how strongly (PRISM eq. 4 and 5, Table 5 C)."""

import torch
from torch import Tensor

MOST_HALVINGS = 100
"""Larger scales are outside of float32."""


def cosine_similarities(gradient: Tensor) -> Tensor:
    """Cosine similarity of the gradients of every two frames of a video.

    Args:
        gradient: (video, time, ...) float32, the loss's direct gradient with respect to each rendered frame.

    Returns:
        (video, time, time) float32 in [-1, 1]; 0 where a gradient vanishes.
    """
    flat = gradient.flatten(2).float()
    # Scaled by a power of two, which changes no digit, so that no square is too large or too small.
    _, exponent = torch.frexp(flat.abs().amax(2, keepdim=True))
    flat = torch.ldexp(flat, -exponent.clamp(-MOST_HALVINGS, MOST_HALVINGS))
    products = torch.bmm(flat, flat.mT)
    norms = products.diagonal(dim1=1, dim2=2).sqrt()
    return products / (norms[:, :, None] * norms[:, None, :]).clamp(min=torch.finfo(torch.float32).tiny)


def unit_distances(cosines: Tensor) -> Tensor:
    """L2 distance of every two unit-normalised gradients, from `cosine_similarities`, in [0, 2].

    A gradient of zero stays zero: its distance to any other is 1.
    """
    squares = cosines.diagonal(dim1=1, dim2=2)  # of the normalised vectors: 1, or 0 where a gradient vanishes
    return (squares[:, :, None] + squares[:, None, :] - 2 * cosines).clamp(min=0).sqrt()


def compared_keys(is_key: Tensor, adjacent: tuple[Tensor, Tensor], compare: str) -> Tensor:
    """The key frames that each frame is compared with: (video, time, time) bool, key frames in the last.

    Args:
        is_key: (video, time) bool.
        adjacent: the key frames that each frame lies between, two (video, time) int64.
        compare: "adjacent" (PRISM eq. 4) or "all" (the caption of its Figure 2).
    """
    if compare == "all":
        return is_key[:, None, :].expand(*is_key.shape, is_key.shape[1])
    mask = torch.zeros(*is_key.shape, is_key.shape[1], dtype=torch.bool, device=is_key.device)
    for key in adjacent:
        mask.scatter_(2, key[:, :, None], True)
    return mask
