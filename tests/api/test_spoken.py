"""Errors in Python name arguments; those of the command line name options."""

import ast
import re
from pathlib import Path

import pytest

import vidcondense
from vidcondense.api.spoken import COMMAND, in_python

SOURCE = Path(vidcondense.__file__).parent


@pytest.mark.parametrize(
    ("message", "python"),
    [
        (
            "name another --out, or make it anew with --force",
            "name another out, or make it anew with force=True",
        ),
        (
            "prepare another store with --frames 8, or pass --set frames=16",
            "prepare another store with frames=8, or pass overrides={'frames': '16'}",
        ),
        ("or prepare without --strict", "or prepare without strict=True"),
        ("use --precision float32, or another", "use precision='float32', or another"),
        ("--layout split-folders takes it for train", "layout='split-folders' takes it for train"),
        ("the same --frames and --size", "the same frames and size"),
        ("leave it out with --present", "leave it out with limits=Limits(present=...)"),
        ("choose others with --class", "choose others with limits=Limits(class_names=...)"),
        (
            "train some with: vidcondense experts STORE --out runs/x",
            "train some with: vidcondense experts STORE --out runs/x",
        ),
        (
            "go on with:\n  vidcondense condense --resume runs/x",
            "go on with:\n  vidcondense.resume('runs/x')",
        ),
        ("my--file.mp4 cannot be read", "my--file.mp4 cannot be read"),
    ],
)
def test_options_become_arguments(message: str, python: str) -> None:
    assert in_python(message) == python


def messages() -> list[str]:
    """The words of every VidcondenseError below the command line."""
    found = []
    for path in SOURCE.rglob("*.py"):
        if path.is_relative_to(SOURCE / "cli") or path.is_relative_to(SOURCE / "benchmark"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") == "VidcondenseError"
                and node.args
            ):
                texts = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                found.append(" ".join(text for text in texts if isinstance(text, str)))
    return found


def test_no_message_in_python_has_an_option() -> None:
    every = messages()
    assert len(every) > 200
    spoken = [COMMAND.sub("", in_python(message)) for message in every]
    assert [message for message in spoken if re.search(r"(?<!\w)--[a-z]", message)] == []


def test_a_function_speaks_python_where_the_command_speaks_of_options(
    tiny_store_path: Path, tmp_path: Path
) -> None:
    store = vidcondense.ClipStore.open(tiny_store_path)
    vidcondense.condense(store, "random", tmp_path / "run", show=False)
    with pytest.raises(
        vidcondense.VidcondenseError, match="name another out, or make it anew with force=True"
    ):
        vidcondense.condense(store, "herding", tmp_path / "run", show=False)
    with pytest.raises(vidcondense.VidcondenseError, match=r"force=True"):
        vidcondense.prepare(tiny_store_path.parent / "clips", tiny_store_path, frames=2, progress=False)
