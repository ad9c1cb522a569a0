"""Where the pages of the documentation are: they are installed with the package, or lie in the checkout."""

from importlib import metadata
from pathlib import Path

INSTALLED = "share/doc/vidcondense/docs"
FIRST = "condense.md"


def folder() -> Path | None:
    """The folder with the pages that messages call docs/NAME.md; None where they were left out."""
    checkout = Path(__file__).parents[3] / "docs"
    return next((path for path in (_installed(), checkout) if path and (path / FIRST).is_file()), None)


def _installed() -> Path | None:
    try:
        files = metadata.files("vidcondense") or ()
    except metadata.PackageNotFoundError:
        return None
    ours = (file for file in files if file.as_posix().endswith(f"{INSTALLED}/{FIRST}"))
    return next((Path(str(file.locate())).resolve().parent for file in ours), None)
