"""`make mutants`: changes the code in one place after another and counts which changes some test notices.

A child is forked for each mutant, after PyTorch is loaded and before any module of this package is: it
imports the mutant in place of the module and runs that module's tests. Prints those that survive, as
FILE:LINE and the change, and ends with an error where fewer than 85 % are killed.
"""

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.util
import io
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import hypothesis
import pytest
import rich.progress
import torch
import torch.utils.data
from safetensors.torch import save_file

LOADED = (av, rich.progress, save_file)  # before the forks, like what `warm_up` uses

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "vidcondense"
SECONDS = 60
"""Of processor time: a mutant that takes longer has made a loop without an end, and counts as killed."""
WANTED = 0.85
CONDENSED = [f"tests/test_condensed{part}.py" for part in ("", "_storage", "_static_dynamic")]
SLOW = "not test_a_run_gives_what_its_file_holds and not momentum"
METRICS = ("_accuracies", "mean_std", "_summary", "NetworkResult", "Evaluation")
PARTS = ("base", "file", "key_frames", "static_dynamic", "storage")
TARGETS: dict[str, list[str]] = {
    **{f"insertion/{name}.py": ["tests/insertion"] for name in ("criteria", "schedule", "selection")},
    "interpolation.py": ["tests/test_interpolation.py", "tests/synthetic/test_key_frames.py"],
    "data/sampling.py": ["tests/data/test_sampling.py"],
    **{f"condensed/{name}.py": CONDENSED for name in PARTS},
    "benchmark/statistics.py": ["tests/benchmark/test_statistics.py"],
    "evaluation.py": ["tests/test_evaluation_metrics.py"],
}
"""Modules of this package and the tests that are to notice; of evaluation.py only what is in METRICS."""
PAIRS = (
    "Lt LtE, LtE Lt, Gt GtE, GtE Gt, Eq NotEq, NotEq Eq, In NotIn, NotIn In, Is IsNot, IsNot Is, "
    "And Or, Or And, Add Sub, Sub Add, Mult Div, Div Mult, FloorDiv Mult, Mod FloorDiv, Pow Mult, BitAnd BitOr, BitOr BitAnd"
)
SWAPS = {getattr(ast, old): getattr(ast, new) for old, new in map(str.split, PAIRS.split(","))}


@dataclass(frozen=True)
class Mutant:
    """A module with one change."""

    file: str
    line: int
    change: str
    tree: ast.Module


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """What a node may be replaced by."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        yield ast.Compare(node.left, [SWAPS[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        yield ast.BinOp(node.left, SWAPS[type(node.op)](), node.right)
    elif isinstance(node, ast.AugAssign) and type(node.op) in SWAPS:
        yield ast.AugAssign(node.target, SWAPS[type(node.op)](), node.value)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(SWAPS[type(node.op)](), node.values)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, int | float):
            yield ast.Constant(node.value + 1)
        elif isinstance(node.value, str):
            yield ast.Constant(node.value + "?")
    elif isinstance(node, ast.If | ast.IfExp):
        yield type(node)(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
    elif isinstance(node, ast.keyword) and node.arg not in (None, "dtype", "device"):  # defaults of a machine
        yield ast.keyword(None, ast.Dict([], []))


def skipped(parent: ast.AST, name: str) -> bool:
    """Messages, annotations, docstrings and decorators: no behaviour, or only for a type checker."""
    return (
        isinstance(parent, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom)
        or name in ("annotation", "returns", "decorator_list")
        or (isinstance(parent, ast.Expr) and isinstance(parent.value, ast.Constant))
    )


def sites(node: ast.AST, path: tuple[object, ...] = ()) -> Iterator[tuple[tuple[object, ...], ast.AST]]:
    """Every node that may be changed, with the way to it."""
    for name, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not skipped(node, name):
                yield (*path, (name, index)), child
                yield from sites(child, (*path, (name, index)))


def mutants(file: str) -> Iterator[Mutant]:
    """All mutants of a module."""
    tree = ast.parse((SOURCE / file).read_text())
    for path, node in sites(tree):
        top = tree.body[path[0][1]]  # type: ignore[index]
        if file == "evaluation.py" and getattr(top, "name", "") not in METRICS:
            continue
        for new in changed(node):
            made = copy.deepcopy(tree)
            parent: ast.AST = made
            for name, index in path[:-1]:  # type: ignore[misc]
                parent = getattr(parent, name) if index is None else getattr(parent, name)[index]
            name, index = path[-1]  # type: ignore[misc]
            setattr(parent, name, new) if index is None else getattr(parent, name).__setitem__(index, new)
            ast.fix_missing_locations(ast.copy_location(new, node))
            text = f"{ast.unparse(node)}  ->  {ast.unparse(new)}".replace("\n", " ")[:120]
            yield Mutant(file, getattr(node, "lineno", 0), text, made)


class Loader(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports a mutant under its module's name."""

    def __init__(self, mutant: Mutant) -> None:
        self.path, self.tree = str(SOURCE / mutant.file), mutant.tree
        self.name = "vidcondense." + mutant.file.removesuffix(".py").replace("/", ".")

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        return importlib.util.spec_from_loader(name, self, origin=self.path) if name == self.name else None

    def get_filename(self, fullname: str) -> str:
        return self.path

    def get_data(self, path: str | bytes) -> bytes:
        return Path(os.fsdecode(path)).read_bytes()

    def get_code(self, fullname: str):  # type: ignore[no-untyped-def]
        return compile(self.tree, self.path, "exec")


def start(mutant: Mutant) -> int:
    """Fork a child that ends with 0 where no test notices; returns its number."""
    child = os.fork()
    if child:
        return child
    signal.alarm(SECONDS * 5)
    __import__("resource").setrlimit(__import__("resource").RLIMIT_CPU, (SECONDS, SECONDS))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1), os.dup2(null, 2)
    sys.meta_path.insert(0, Loader(mutant))
    os.chdir(ROOT)
    quick = {"max_examples": 30, "phases": [hypothesis.Phase.explicit, hypothesis.Phase.generate]}
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, deadline=None, **quick)
    hypothesis.settings.load_profile("mutants")
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", "--tb=no"]
    options += ["--assert=plain", "-k", SLOW]
    code = 1
    try:
        code = pytest.main([*options, *TARGETS[mutant.file]])
    finally:
        os._exit(int(code != 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", default=list(TARGETS), help="as in TARGETS; default: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--every", type=int, default=1, help="try one mutant of so many")
    given = parser.parse_args()
    began, survivors, running = time.monotonic(), [], {}
    for file in given.files:
        whole = Mutant(file, 0, "", ast.parse((SOURCE / file).read_text()))
        if os.waitpid(start(whole), 0)[1]:
            sys.exit(f"{file}: its tests fail without a mutant")
    waiting = [mutant for file in given.files for mutant in mutants(file)][:: given.every]
    total = dict.fromkeys(given.files, 0)
    for mutant in waiting:
        total[mutant.file] += 1
    while waiting or running:
        while waiting and len(running) < given.jobs:
            mutant = waiting.pop(0)
            running[start(mutant)] = mutant
        print(f"\r{len(waiting)} left ", end="", file=sys.stderr, flush=True)
        child, status = os.wait()
        mutant = running.pop(child)
        if status == 0:
            survivors.append(mutant)
            print(f"{mutant.file}:{mutant.line}: {mutant.change}", flush=True)
    for file, count in total.items():
        print(f"{file}: {count - sum(one.file == file for one in survivors)} of {count} killed")
    killed = 1 - len(survivors) / sum(total.values())
    print(
        f"{killed:.1%} of {sum(total.values())} mutants killed in {(time.monotonic() - began) / 60:.0f} min"
    )
    sys.exit(killed < WANTED)


def warm_up() -> None:
    """Load what each child would load by itself: pytest's plugins, what PyTorch and hypothesis put off."""
    torch.set_num_threads(1)
    torch.testing.assert_close(torch.zeros(1).sqrt(), torch.zeros(1))
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        test = Path(folder, "test_nothing.py")
        test.write_text("from hypothesis import given, strategies as st
@given(st.floats())
def test_it(x): 0
")
            "from hypothesis import given, strategies as st\n@given(st.floats())\ndef test_it(x): pass\n"
        )
        pytest.main(["-q", "-p", "no:cacheprovider", "-o", "addopts=", str(test)])


if __name__ == "__main__":
    warm_up()
    main()
