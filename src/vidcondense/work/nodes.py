"""What a machine of a cluster is asked before it works: its versions, and whether it sees the folders.

Nothing here needs the package: the questions travel as code, to machines that may have another version of it
or none.
"""

import platform
import socket
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("torch", "av", "vidcondense")


def versions() -> dict[str, str]:
    """Versions that results depend on, without importing PyTorch; "none" for what is not installed."""
    from importlib import metadata

    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "none"
    return found


@dataclass(frozen=True)
class Wanted:
    """What a machine must have.

    Attributes:
        versions: as `versions` gives them.
        folder: where it must read and write.
        token: the name of a file in it, which holds its own name.
        paths: what it must see beside.
    """

    versions: dict[str, str]
    folder: str
    token: str
    paths: tuple[str, ...] = ()


def doubt(wanted: Wanted) -> str:
    """Why this machine cannot work, with the mend; empty if it can."""
    here, found = socket.gethostname(), versions()
    for name, version in wanted.versions.items():
        if found[name] != version:
            return (
                f"node {here} has {name} {found[name]}, and {version} is installed where the command was "
                f"given; install the same on all nodes"
            )
    folder = Path(wanted.folder)
    mend = "it must be on a file system that all nodes share"
    try:
        seen = (folder / wanted.token).read_text()
        probe = folder / f"{wanted.token}.{here}.tmp"
        probe.write_text(seen)
        probe.unlink(missing_ok=True)
    except OSError as error:
        return f"node {here} cannot read and write {folder} ({error.strerror}); {mend}"
    if seen != wanted.token:
        return f"node {here} sees another {folder}; {mend}"
    for path in wanted.paths:
        if not Path(path).exists():
            return f"node {here} does not see {path}; {mend}"
    return ""
