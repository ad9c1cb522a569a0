"""Recipes from TOML files: those of the package, and your own."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vidcondense.base import members
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.names import three_nearest
from vidcondense.base.settings import convert
from vidcondense.base.tables import flat, nested
from vidcondense.recipes.published import Choice, Published, choose

if TYPE_CHECKING:
    from vidcondense.recipes.recipe import Recipe

# What knows the parts of recipes waits for PyTorch: it is imported when a recipe is built.

DEEPEST = 5
"""Recipes that may be based on one another, one after the other."""
MEMBERS = ("network", "synthetic.kind", "objective.kind", "optimiser.kind", "insertion.kind", "coreset.kind")
"""Keys that may name a file."""


def available() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("vidcondense.recipes")
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def load(
    name: str,
    *,
    vpc: int | None = None,
    dataset: str | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> "Recipe":
    """Load a recipe that comes with the package, or a TOML file of your own.

    Later sources win: the recipe that the file is `based_on`, the file, its published hyper-parameters for
    `dataset` and `vpc`, `vpc`, `overrides`.

    Args:
        name: one of `available()`, or the path of a TOML file.
        vpc: videos per class; None keeps the recipe's.
        dataset: whose published hyper-parameters to use; None takes the first dataset that the recipe lists.
            `datasets.recognise` says which a store is, `remarks` what is taken though it was not published.
        overrides: dotted keys to values, such as {"optimiser.learning_rate": 0.1}.

    Raises:
        VidcondenseError: no such recipe or dataset, or a key or value that is not valid.
    """
    from vidcondense.recipes.reading import from_dict

    values, chosen = _chosen(name, vpc, dataset, overrides)
    values = over(values, chosen.settings)
    if overrides.get("objective.experts") and any(key.startswith("experts.") for key in overrides):
        raise VidcondenseError(
            "objective.experts names trained experts, so that [experts] is read by nothing"
        )
    given = {key: _resolved(key, value, Path()) for key, value in overrides.items()}
    wanted = {} if vpc is None else {"vpc": vpc}
    return from_dict(over(values, {**wanted, **given}))


def remarks(
    name: str,
    *,
    vpc: int | None = None,
    dataset: str | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
    store: str,
) -> tuple[str, ...]:
    """What `load` with the same arguments takes from other settings than were published, a line for each.

    None where the overrides replace all that would be taken.

    Args:
        name: as in `load`, and so are `vpc`, `dataset` and `overrides`.
        store: the name of the store that is condensed.
    """
    _, chosen = _chosen(name, vpc, dataset, overrides, store)
    return chosen.remarks if chosen.settings.keys() - overrides.keys() else ()


def _chosen(
    name: str, vpc: int | None, dataset: str | None, overrides: Mapping[str, Any], store: str = ""
) -> tuple[dict[str, Any], Choice]:
    """The values of a recipe without its published rows, and what is taken from these."""
    values = read(name)
    rows = convert(values.pop("published", []), list[Published], f"recipe {name}: published")
    wanted = _vpc(values, vpc, overrides)
    if type(wanted) is not int or wanted < 1:  # refused, with its range, where the recipe is built
        return values, Choice({})
    return values, choose(name, rows, dataset, wanted, store)


def _vpc(values: Mapping[str, Any], vpc: int | None, overrides: Mapping[str, Any]) -> Any:
    """Videos per class that are wanted, as they are given."""
    return overrides.get("vpc", values.get("vpc", 1) if vpc is None else vpc)


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values with others, by dotted key, over them.

    Where these choose another kind, what only the old kind reads is left behind; but a method does not become
    a coreset in this way.
    """
    from vidcondense.recipes.reading import readable

    merged = nested({**flat(below), **above})
    kinds = [key for key in above if key.endswith(".kind") and key != "coreset.kind"]
    changed = any(flat(below).get(key) != above[key] for key in kinds)
    return nested({**flat(readable(merged)), **above}) if changed else merged


def datasets(name: str) -> list[str]:
    """The datasets for which a recipe has published hyper-parameters, its default first."""
    return list(dict.fromkeys(row["dataset"] for row in read(name).get("published", [])))


def parse_overrides(pairs: list[str]) -> dict[str, Any]:
    """Parse "key=value" texts; values are TOML, and bare words are strings.

    Raises:
        VidcondenseError: a text without "=".
    """
    parsed: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            raise VidcondenseError(f"--set wants key=value, not {pair!r}")
        try:
            parsed[key.strip()] = tomllib.loads(f"value = {text.strip()}")["value"]
        except tomllib.TOMLDecodeError:
            parsed[key.strip()] = text.strip()
        except ValueError as error:
            raise VidcondenseError(f"--set {key.strip()}: {error}") from error
    return parsed


def read(name: str, depth: int = DEEPEST) -> dict[str, Any]:
    """The tables of a recipe file over those of the recipe that it is based on; members have full paths.

    Raises:
        VidcondenseError: no such file, no TOML, or recipes that are based on one another in a circle.
    """
    folder = Path(name).parent if Path(name).suffix == ".toml" else Path()
    values = _parse(name)
    published, below = values.pop("published", []), values.pop("based_on", None)
    if depth == 0 and (below is not None or isinstance(published, str)):
        raise VidcondenseError(f"recipe {name} is based on more than {DEEPEST} others, or on itself")
    if isinstance(published, str):  # the same rows as another recipe
        published = read(_beside(published, folder), depth - 1)["published"]
    above = {key: _resolved(key, value, folder) for key, value in flat(values).items()}
    if below is None:
        return nested({**above, "published": published})
    below = convert(below, str, f"recipe {name}: based_on")
    base = read(_beside(below, folder), depth - 1)
    del base["published"]  # they are of the method that is changed here
    return {**over(base, above), "published": published}


def _beside(name: str, folder: Path) -> str:
    """A recipe that a file in `folder` names: of the package, or a file beside it."""
    return str(folder / name) if name.endswith(".toml") else name


def _resolved(key: str, value: Any, folder: Path) -> Any:
    """A value in which the name of a member has the full path of its file, which is relative to `folder`."""
    return members.resolved(value, folder) if key in MEMBERS and isinstance(value, str) else value


def _parse(name: str) -> dict[str, Any]:
    path = Path(name)
    if name in available():
        text = (resources.files("vidcondense.recipes") / f"{name}.toml").read_bytes()
    elif path.suffix == ".toml" and path.is_file():
        text = path.read_bytes()
    else:
        nearest = three_nearest(name, available())
        raise VidcondenseError(
            f"no recipe {name!r}; {nearest} All: vidcondense recipes; or give the path of a .toml file"
        )
    try:
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise VidcondenseError(f"recipe {name} is not valid TOML: {error}") from error
