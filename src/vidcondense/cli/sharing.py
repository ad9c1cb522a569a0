"""Commands that share condensed sets: push, pull."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from vidcondense.base.errors import printable
from vidcondense.base.repeats import say_next
from vidcondense.base.units import parse_bytes
from vidcondense.cli.arguments import Condensed, condensed_file

# Commands import what they need when they run: help and errors appear without waiting for PyTorch.

Repo = Annotated[Positional[str], arg(metavar="USER/NAME")]


def push(
    file: Condensed,
    repo: Repo,
    *,
    public: bool = False,
    license: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="(default: not stated)")] = None,
    force: bool = False,
) -> None:
    """Send a condensed set to the Hugging Face Hub, with a card that says what it is and how to load it.

    Args:
        file: A condensed file, or a run folder, whose evaluations the card tells too.
        repo: Where to; a repository that is not there is made, private. Log in first: hf auth login.
        public: Make the new repository for everybody to see.
        license: The licence for the card, as the hub names it, such as cc-by-4.0.
        force: Replace the card that is there too, and what somebody has written in it.
    """
    from vidcondense.hub.transfer import push as send

    condensed_file(file)
    address, card = send(file, repo, public=public, license=license, force=force)
    print(printable(address))
    if not card:
        print("the card that is there stays; --force replaces it")
    say_next("pull", repo, "condensed.safetensors")


def pull(
    repo: Repo,
    file: Annotated[Positional[Path], arg(metavar="FILE")],
    *,
    revision: Annotated[str, arg(metavar="NAME")] = "main",
    most_bytes: Annotated[str, arg(metavar="BYTES")] = "1GB",
    force: bool = False,
) -> None:
    """Fetch a condensed set from the Hugging Face Hub; anything else than such a set is refused.

    Args:
        repo: Where from.
        file: Where to.
        revision: A branch, a tag or a commit.
        most_bytes: Refuse a file with more bytes, such as 500MB.
        force: Replace another condensed set in FILE.
    """
    from vidcondense.hub.transfer import pull as fetch

    made = fetch(
        repo, file, revision=revision, most_bytes=parse_bytes(most_bytes, "--most-bytes"), force=force
    )
    print(printable(f"{file}: {made!r}"))
    say_next("show", file)
