"""Sending a condensed set to the Hugging Face Hub, and fetching one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any

from vidcondense.base import files
from vidcondense.base.errors import VidcondenseError
from vidcondense.base.units import size
from vidcondense.condensed import CondensedVideos
from vidcondense.condensed.header import RESULT, begins
from vidcondense.evaluation.results import Record
from vidcondense.hub.card import card, picture_of
from vidcondense.run.folder import RunFolder

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD = "README.md"
MOST_BYTES = 10**9
"""Of a set that is fetched, unless more are allowed."""
KIND = "dataset"


def push(
    source: Path,
    repo: str,
    *,
    public: bool = False,
    license: str | None = None,
    force: bool = False,
) -> tuple[str, bool]:
    """Send a set with its card and a moving picture as one commit.

    Args:
        source: a condensed file, or the folder of a finished run, whose evaluations the card tells.
        repo: "user/name"; made if it is not there.
        public: whether a repository that is made is for everybody.
        license: one of the hub's identifiers, for the card.
        force: replace a card that is there; else it stays, with what somebody has written in it.

    Returns:
        The address, and whether a card was written.

    Raises:
        VidcondenseError: no set, the library is not installed, or the hub refuses, with its reason.
    """
    hub = _library()
    file = RunFolder(source).condensed if source.is_dir() else source
    condensed = CondensedVideos.load(source)
    data = file.read_bytes()
    picture, kind = picture_of(condensed)
    text = card(
        condensed,
        repo,
        len(data),
        picture=f"clips.{kind}",
        license=license,
        evaluations=_evaluations(source),
    )
    contents = {RESULT: data, f"clips.{kind}": picture}
    with _told(f"cannot push to {repo}"):
        api = _api(hub)
        api.create_repo(repo, repo_type=KIND, private=not public, exist_ok=True)
        writes_card = force or not api.file_exists(repo, CARD, repo_type=KIND)
        if writes_card:
            contents[CARD] = text.encode(errors="backslashreplace")
        operations = [hub.CommitOperationAdd(path, content) for path, content in contents.items()]
        message = f"{condensed.videos} condensed videos of {len(condensed.class_names)} classes"
        api.create_commit(repo, operations, commit_message=message, repo_type=KIND)
    return f"{api.endpoint}/datasets/{repo}", writes_card


def pull(
    repo: str, out: Path, *, revision: str = "main", most_bytes: int = MOST_BYTES, force: bool = False
) -> CondensedVideos:
    """Fetch the set of a repository into a file, and read it; a file that is no condensed set is not kept.

    Args:
        repo: "user/name".
        out: the file; one with the same bytes is left as it is.
        revision: a branch, a tag or a commit.
        most_bytes: a larger file is refused before it is fetched, or as soon as it turns out to be.
        force: replace another condensed set in `out`.

    Raises:
        VidcondenseError: no such repository, no or another file in it, too many bytes, or `out` holds
            something else.
    """
    hub = _library()
    files.refuse_other(out, begins, "a condensed set")
    with TemporaryDirectory() as folder:
        fetched = Path(folder) / RESULT
        with _told(f"cannot pull {repo}"):
            _fetch(hub, repo, revision, fetched, most_bytes)
        try:
            condensed = CondensedVideos.load(fetched)
        except VidcondenseError as error:
            reason = str(error).replace(str(fetched), RESULT)
            raise VidcondenseError(f"{repo} holds no condensed set: {reason}") from error
        data = fetched.read_bytes()
    if out.is_file() and out.read_bytes() == data:
        return condensed
    if out.exists() and not force:
        raise VidcondenseError(f"{out} holds another set; name another file, or replace it with --force")
    files.make_folder(out.parent)
    files.write_bytes(out, data)
    return condensed


def _fetch(hub: ModuleType, repo: str, revision: str, path: Path, most_bytes: int) -> None:
    """Fetch the file, but no more than `most_bytes` of it."""
    http = import_module("huggingface_hub.utils")  # no attribute of the library until something needs it
    url = hub.hf_hub_url(repo, RESULT, repo_type=KIND, revision=revision, endpoint=_api(hub).endpoint)
    with (
        http.get_session().stream(
            "GET", url, headers=http.build_hf_headers(), follow_redirects=True
        ) as response,
        path.open("wb") as file,
    ):
        http.hf_raise_for_status(response)
        for part in _bounded(response, repo, most_bytes):
            file.write(part)


def _bounded(response: Any, repo: str, most_bytes: int) -> Iterator[bytes]:
    told = response.headers.get("Content-Length", "0")
    found = int(told) if told.isdecimal() else 0
    received = 0
    for part in response.iter_bytes() if found <= most_bytes else ():
        received += len(part)
        if received > most_bytes:
            break
        yield part
    if max(found, received) > most_bytes:
        raise VidcondenseError(
            f"{RESULT} in {repo} has more than {size(most_bytes)}; allow more with --most-bytes"
        )


def _evaluations(source: Path) -> list[Record]:
    if not source.is_dir():
        return []
    paths = sorted(RunFolder(source).evaluations.glob("*.json"))
    return [files.read_json(path, Record, files.MOST_RECORD_BYTES) for path in paths]


def _library() -> ModuleType:
    try:
        import huggingface_hub
    except ImportError as error:
        raise VidcondenseError(
            "push and pull need the library of the Hugging Face Hub: pip install 'vidcondense[hub]'"
        ) from error
    return huggingface_hub


def _api(hub: ModuleType) -> "HfApi":
    """The hub that HF_ENDPOINT names, else Hugging Face's."""
    api: HfApi = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"), library_name="vidcondense")
    return api


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What the library raises, whose kinds change with its versions, as one line."""
    try:
        yield
    except VidcondenseError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        denied = getattr(getattr(error, "response", None), "status_code", None) in (401, 403)
        mend = "; log in with: hf auth login" if denied else ""
        raise VidcondenseError(f"{what}: {reason[:500]}{mend}") from error
