"""Names of classes as names of folders."""

import re
import unicodedata

LONGEST_NAME, LONGEST_NAME_BYTES = 80, 200
_RESERVED = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))}


def safe_names(names: tuple[str, ...]) -> list[str]:
    """Class names as folder names that every file system takes, each different from the others."""
    safe: list[str] = []
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFKC", name))[:LONGEST_NAME]
        plain = plain.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore").strip("._") or "class"
        plain = f"{plain}_" if plain.split(".")[0].lower() in _RESERVED else plain
        unique, again = plain, 2
        # Some file systems do not tell upper from lower case.
        while unique.casefold() in taken:
            unique, again = f"{plain}_{again}", again + 1
        taken.add(unique.casefold())
        safe.append(unique)
    return safe
