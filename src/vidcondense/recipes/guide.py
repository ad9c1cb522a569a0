"""Which recipe for whom: the methods of the package in groups, and when to use each, in a line."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidcondense.recipes.load import available, load

if TYPE_CHECKING:
    from vidcondense.recipes.recipe import Recipe

SHORT = ("_small", "_fast")
"""What the name of a recipe for short runs ends with."""
RECOMMENDED = "herding"
"""At a budget, as coded video: nothing else here was worth more in as many bytes (docs/results.md)."""
OTHERS = "Others"
GROUPS = {
    "Real clips, chosen: nothing is learned": {
        "random": "the baseline, which every other has to beat",
        "herding": "with --budget: most accuracy for few bytes",
        "k_center": "clips that cover all of their class",
        "real_clips": "to see what a video codec gives anyone",
        "random_soft": "few bytes: coded, labels by trained networks",
        "displaced": "frames stored as numbers: many clips for one",
        "displaced_soft": "the same coded, labels by trained networks",
        "every_video": "to see what coded video alone takes",
    },
    "Key frames, learned and inserted where motion is": {
        "prism": "the papers' method (PRISM, DFS)",
        "prism_cvpr": "the same, as its other text reads",
        "prism_trained_small": "on networks trained on your clips (ours)",
        "prism_gradient": "on gradient matching",
        "prism_trajectory": "on trajectory matching",
        "prism_frepo": "on kernel ridge regression",
    },
    "Every frame, learned": {
        "dm": "distribution matching, the quickest to learn",
        "dm_trained_small": "the same on networks trained on clips (ours)",
        "dc": "gradient matching",
        "mtt": "trajectory matching",
        "frepo": "kernel ridge regression, learned labels",
    },
    "Other forms of a set": {
        "wang": "images and motions, joined when read",
        "segments": "to try how many frames to store",
    },
    "Controls, which hold no motion": {
        "repeated_frame": "one learned frame per video",
        "still": "one real frame per video",
        "class_mean": "the mean of a class in pixels",
    },
}


@dataclass(frozen=True)
class Method:
    """A line of the guide.

    Attributes:
        name: of the recipe.
        short: names of its recipes for short runs.
        needs: how many networks are trained on real clips, for short runs and in full; empty for none.
        iterations: of short runs and in full.
        stored: the frames that a synthetic video takes.
        when: to use it.
    """

    name: str
    short: tuple[str, ...]
    needs: str
    iterations: tuple[int, ...]
    stored: str
    when: str


def guide() -> dict[str, list[Method]]:
    """The methods of each group; recipes that no group names are among the others."""
    found = methods(available())
    grouped = {title: list(names.items()) for title, names in GROUPS.items()}
    named = {name for names in GROUPS.values() for name in names}
    grouped[OTHERS] = [(name, load(name).description) for name in found if name not in named]
    return {
        title: [_method(name, found[name], when) for name, when in lines]
        for title, lines in grouped.items()
        if lines
    }


def methods(names: list[str]) -> dict[str, list[str]]:
    """Recipes for short runs by the method that they belong to, which may be one of them itself."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        stem = next((name.removesuffix(end) for end in SHORT if name.endswith(end)), name)
        if stem != name and stem in names:
            found.setdefault(stem, []).append(name)
        else:
            found.setdefault(name, [])
    return found


def _method(name: str, short: list[str], when: str) -> Method:
    loaded = [load(one) for one in (*short, name)]
    return Method(
        name,
        tuple(short),
        needs(loaded),
        tuple(recipe.all_iterations for recipe in loaded),
        stored(loaded[-1]),
        when,
    )


def needs(loaded: "list[Recipe]") -> str:
    """How many networks are trained on real clips beside what is learned."""
    if loaded[0].teachers.count:
        return ", ".join(str(len(recipe.teachers.names)) for recipe in loaded)
    if not loaded[0].objective.needs_experts or loaded[0].coreset:
        return ""
    return ", ".join(str(recipe.experts.count) for recipe in loaded)


def stored(recipe: "Recipe") -> str:
    """What a synthetic video takes: frames of a clip."""
    kind = recipe.synthetic.kind
    if kind == "static_dynamic":
        return "2 + 2"
    if kind == "every_frame":
        return "all, coded" if recipe.storage == "av1" else "all"
    first = getattr(recipe.synthetic, "initial_key_frames", 1)
    if kind == "displaced":
        return f"{first} + fields"
    return f"{first} and more" if recipe.insertion.kind != "none" else f"{first}"
