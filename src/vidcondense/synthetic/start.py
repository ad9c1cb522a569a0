"""The clips that learning starts from, and what a coreset selects."""

import numpy as np
import torch
from torch import Tensor

from vidcondense import coresets
from vidcondense.compute import Compute, derive_seed, generator
from vidcondense.coresets.selection import Embed, no_features
from vidcondense.data.store import ClipStore
from vidcondense.recipe import Recipe


def start_clips(
    store: ClipStore, recipe: Recipe, compute: Compute, embed: Embed = no_features
) -> tuple[Tensor, Tensor]:
    """Noise or real clips, as the recipe says.

    Args:
        store: the real videos.
        recipe: `coreset`, `synthetic.init`, `vpc` and `seed`.
        compute: where the clips go.
        embed: features of real clips, for a coreset that selects by them.

    Returns:
        clips (video, time, 3, height, width) float32 normalised and labels (video,) int64 ascending, on the
        device.
    """
    kind = recipe.coreset.kind
    if kind == "none" and recipe.synthetic.init == "noise":
        labels = torch.arange(len(store.class_names)).repeat_interleave(recipe.vpc)
        shape = (len(labels), store.frames, 3, store.size, store.size)
        clips = torch.randn(shape, generator=generator(recipe.seed, "noise"))
        return clips.to(compute.device), labels.to(compute.device)
    select = coresets.CORESETS["random" if kind == "none" else kind]
    batch = select(store, recipe.vpc, np.random.default_rng(derive_seed(recipe.seed, "coreset")), embed)
    exact = Compute(compute.device, torch.float32)
    parts = list(batch.read(store, exact, compute.chunk(store.frames, store.size)))
    clips = torch.cat([clips for clips, _ in parts])
    return clips.contiguous(), torch.cat([labels for _, labels in parts])
