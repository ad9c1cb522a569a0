"""The clips that learning starts from, and what a coreset selects."""

import numpy as np
import torch
from torch import Tensor

from vidcondense import coresets
from vidcondense.base.compute import Compute, derive_seed, generator, normalise
from vidcondense.base.extension import member
from vidcondense.condensed.hallucinator import CHOICES
from vidcondense.coresets.selection import Embed, no_features
from vidcondense.data.batches import IMAGENET_MEAN, IMAGENET_STD
from vidcondense.data.store import ClipStore
from vidcondense.recipes.recipe import Recipe


def start_memories(store: ClipStore, recipe: Recipe, compute: Compute) -> tuple[Tensor, Tensor]:
    """Images, noise or real frames as the recipe says, and motions, noise always (Wang et al.).

    Returns:
        static (memory, 3, height, width) and dynamic (memory, time, 1, height, width), float32 normalised, 2
        of each for every video, on the device.
    """
    each = CHOICES * recipe.vpc
    rng = generator(recipe.seed, "noise")
    count, side = len(store.class_names) * each, store.size
    dynamic = torch.randn((count, store.frames, 1, side, side), generator=rng)
    if recipe.synthetic.init == "noise":
        static = torch.randn((count, 3, side, side), generator=rng)
    else:
        static = _real_frames(store, each, np.random.default_rng(derive_seed(recipe.seed, "coreset")))
    return static.to(compute.device), dynamic.to(compute.device)


def _real_frames(store: ClipStore, each: int, rng: np.random.Generator) -> Tensor:
    """Random frames of random training videos, `each` per class; one video gives several if there are few."""
    videos = np.concatenate(
        [rng.choice(found, each, replace=len(found) < each) for found in store.by_class("train")]
    )
    stills = store.stills()
    pixels = stills.read(videos, stills.random_starts(videos, rng))[:, 0]
    return normalise(pixels, IMAGENET_MEAN, IMAGENET_STD, Compute(torch.device("cpu"), torch.float32))


def start_clips(
    store: ClipStore, recipe: Recipe, compute: Compute, embed: Embed = no_features
) -> tuple[Tensor, Tensor]:
    """Noise, or real clips selected as the recipe says.

    Args:
        store: the real videos.
        recipe: `coreset`, `synthetic.init`, `vpc` and `seed`.
        compute: where the clips go.
        embed: features of real clips, to select by.

    Returns:
        clips (video, time, 3, height, width) float32 normalised and labels (video,) int64 ascending, on the
        device.
    """
    kind = recipe.coreset.kind
    if kind == "none" and recipe.synthetic.init == "noise":
        labels = torch.arange(len(store.class_names)).repeat_interleave(recipe.vpc)
        shape = (len(labels), store.frames, 3, store.size, store.size)
        clips = torch.randn(shape, generator=generator(recipe.seed, "noise"))
        mine = slice(store.part.start * recipe.vpc, store.part.stop * recipe.vpc)
        clips, labels = clips[mine].clone(), labels[mine]
        return clips.to(compute.device), labels.to(compute.device)
    start = "herding" if recipe.synthetic.init == "herding" else "random"
    select = member(coresets.CORESETS, start if kind == "none" else kind)
    batch = select(store, recipe.vpc, np.random.default_rng(derive_seed(recipe.seed, "coreset")), embed).of(
        store.part
    )
    exact = Compute(compute.device, torch.float32)
    parts = list(batch.read(store, exact, exact.chunk(3 * store.frames * store.size**2)))
    clips = torch.cat([clips for clips, _ in parts])
    return clips.contiguous(), torch.cat([labels for _, labels in parts])
