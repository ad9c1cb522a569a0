"""The command `vidcondense`: parse, call, print. Bad input ends in one line and exit code 2."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Union

import tyro

from vidcondense.base import documentation
from vidcondense.base.errors import UnitsFailed, VidcondenseError, printable
from vidcondense.base.interrupt import Interrupted, terminate_as_ctrl_c
from vidcondense.base.memory import keep_freed
from vidcondense.base.names import three_nearest
from vidcondense.base.versions import VERSION
from vidcondense.benchmark.command import benchmark
from vidcondense.cli.learning import condense, evaluate, experts
from vidcondense.cli.merging import merge
from vidcondense.cli.recipes import recipes
from vidcondense.cli.results import export, report, show
from vidcondense.cli.sharing import pull, push
from vidcondense.cli.videos import demo, generate, prepare

DESCRIPTION = """Condense a labelled video dataset into a few synthetic clips per class.

Usual order: prepare VIDEOS STORE, condense STORE --out RUN, evaluate RUN, report RUN. Try it without a
dataset: demo. Version: -V. Where the pages of the documentation are, which messages call
docs/NAME.md: --docs.

The same command again finishes what is missing, or says that it is done and where; --force does it anew."""

LONGEST_LINE = 2000
CONTINUED = re.compile(r"\n {8,}")
"""Before what goes on with an argument in a docstring."""
MEMORY = ("can't allocate memory", "out of memory")
"""In what PyTorch says on a CPU and on a GPU."""

COMMANDS = (
    *(demo, generate, prepare),
    *(condense, experts, evaluate),
    *(report, show, export, merge, push, pull, recipes, benchmark),
)


CONFIG = (tyro.conf.FlagCreatePairsOff,)


def _one_of(commands: Iterable[Callable[..., None]]) -> Any:
    """A type that tyro makes subcommands of, as `tyro.extras.SubcommandApp` does, and sooner.

    Tyro asks whether what stands for "nothing given" is of the type: it is an object. Else it loads a library
    that checks types. Without a help tyro looks for one in the source of Python's `typing`. It keeps line
    breaks of docstrings, which a terminal of another width should not have.
    """
    kinds: list[Any] = [Annotated[object, tyro.conf.Suppress]]
    for command in commands:
        command.__doc__ = CONTINUED.sub(" ", inspect.getdoc(command) or "")
        kinds.append(Annotated[Any, tyro.conf.subcommand(command.__name__, constructor=command)])
    return Annotated[Union[tuple(kinds)], tyro.conf.arg(help="one of these")]  # noqa: UP007


def main() -> None:
    """Entry point of the command."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        print(f"vidcondense {VERSION}")
        return
    if sys.argv[1:] == ["--docs"]:
        print(documentation.folder() or "the pages of the documentation are not installed here")
        return
    try:
        _refuse_unknown(sys.argv[1:])
        terminate_as_ctrl_c()
        keep_freed()
        tyro.cli(_one_of(COMMANDS), prog="vidcondense", description=DESCRIPTION, config=CONFIG)
    except UnitsFailed as failed:
        print(failed, file=sys.stderr)
        sys.exit(1)
    except VidcondenseError as error:
        print(f"vidcondense: {_line(str(error))}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # what nothing below has put into better words
        print(f"vidcondense: {_line(str(error))}", file=sys.stderr)
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in MEMORY):
            raise
        print(f"vidcondense: not enough memory: {_line(str(error))}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as stop:
        print(f"vidcondense: {stop}", file=sys.stderr)
        sys.exit(130)
    except KeyboardInterrupt:
        print("vidcondense: interrupted", file=sys.stderr)
        sys.exit(130)


def _refuse_unknown(words: list[str]) -> None:
    """Refuse what is no command, in a line."""
    names = [command.__name__ for command in COMMANDS]
    if words and not words[0].startswith("-") and words[0] not in names:
        raise VidcondenseError(
            f"no command {words[0]!r}; {three_nearest(words[0], names)} All: vidcondense --help"
        )


def _line(message: str) -> str:
    """A message as one line of text: what files from strangers are called must not steer the terminal."""
    plain = printable(message)
    return plain if len(plain) <= LONGEST_LINE else f"{plain[:LONGEST_LINE]}..."
