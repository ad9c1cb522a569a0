"""`make mutants`: changes the code in one place after another and counts which changes some test notices.

A child is forked for each mutant, after PyTorch is loaded and before any module of this package is: it
imports the mutant in place of the module and runs that module's tests. Prints those that survive, and ends
with an error where fewer than 85 % are killed. Arguments: modules as in TARGETS, and --jobs N, --every N.
"""

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.util
import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
SLOW = "not test_a_run_gives_what_its_file_holds and not momentum"
PARTS = ("base", "file", "key_frames", "static_dynamic", "storage")
CONDENSED = [f"tests/test_condensed{part}.py" for part in ("", "_storage", "_static_dynamic")]
METRICS = ("_accuracies", "mean_std", "_summary", "NetworkResult", "Evaluation")
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
    "And Or, Or And, Add Sub, Sub Add, Mult Div, Div Mult, FloorDiv Mult, Mod FloorDiv, Pow Mult, "
    "BitAnd BitOr, BitOr BitAnd"
)
SWAPS = {getattr(ast, old): getattr(ast, new) for old, new in map(str.split, PAIRS.split(","))}


def changed(node: Any) -> ast.AST | None:
    """What a node is replaced by, if it can be."""
    new: Any = copy.copy(node)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        new.ops = [SWAPS[type(node.ops[0])](), *node.ops[1:]]
    elif isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in SWAPS:
        new.op = SWAPS[type(node.op)]()
    elif isinstance(node, ast.UnaryOp):
        return node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
        kinds = {bool: lambda one: not one, str: lambda one: one + "?"}
        new.value = kinds.get(type(node.value), lambda one: one + 1)(node.value)
    elif isinstance(node, ast.If | ast.IfExp):
        new.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.Pass()
    elif isinstance(node, ast.keyword) and node.arg not in (None, "dtype", "device"):  # a machine's defaults
        return ast.keyword(None, ast.Dict([], []))
    else:
        return None
    return new  # type: ignore[no-any-return]


def places(node: ast.AST) -> Iterator[tuple[Any, Any, ast.AST]]:
    """Every node that may be changed, and what holds it; no messages, annotations, docstrings, decorators."""
    silent = isinstance(node, ast.Raise | ast.JoinedStr | ast.ImportFrom)
    if silent or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        holder, keys = (value, range(len(value))) if isinstance(value, list) else (vars(node), [name])
        for key in keys:
            if isinstance(holder[key], ast.AST):
                yield holder, key, holder[key]
                yield from places(holder[key])


def mutants(file: str) -> Iterator[tuple[str, str]]:
    """Each mutant of a module: what was changed, and its source."""
    tree = ast.parse((SOURCE / file).read_text())
    for top in tree.body:
        if file == "evaluation.py" and getattr(top, "name", "") not in METRICS:
            continue
        for holder, key, node in list(places(ast.Module([top], []))):
            new = changed(node)
            if new is None:
                continue
            holder[key] = new
            # `top` itself is never replaced: only definitions and assignments stand there.
            text = f"{ast.unparse(node)}  ->  {ast.unparse(new)}".replace("\n", " ")
            yield f"{file}:{getattr(node, 'lineno', 0)}: {text[:120]}", ast.unparse(tree)
            holder[key] = node


class Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports other source under a module's name."""

    def __init__(self, file: str, source: str) -> None:
        self.name = f"vidcondense.{file.removesuffix('.py').replace('/', '.')}"
        self.path, self.source = SOURCE / file, source

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        found = name == self.name
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if found else None

    def exec_module(self, module: Any) -> None:
        exec(compile(self.source, str(self.path), "exec"), vars(module))


def start(file: str, source: str) -> int:
    """Fork a child that ends with 0 where no test notices; returns its number."""
    if child := os.fork():
        return child
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1), os.dup2(null, 2)
        sys.meta_path.insert(0, Loader(file, source))
        quick: Any = {"max_examples": 30, "phases": [hypothesis.Phase.explicit, hypothesis.Phase.generate]}
        quick |= {"derandomize": True, "database": None, "deadline": None}
        hypothesis.settings.register_profile("mutants", **quick)
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", "--tb=no"]
        code = pytest.main(
            [*options, "--assert=plain", "--hypothesis-profile=mutants", "-k", SLOW, *TARGETS[file]]
        )
    finally:
        os._exit(int(code != 0))


def warm_up() -> None:
    """Load what each child would load by itself: pytest's plugins, what PyTorch and hypothesis put off."""
    os.chdir(ROOT)
    torch.set_num_threads(1)
    torch.testing.assert_close(torch.zeros(1).sqrt(), torch.zeros(1))
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        test = Path(folder, "test_nothing.py")
        test.write_text("from hypothesis import *\n@given(strategies.floats())\ndef test_it(x): 0\n")
        pytest.main(["-q", "-p", "no:cacheprovider", "-o", "addopts=", str(test)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", default=list(TARGETS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    for file in given.files:
        if os.waitpid(start(file, (SOURCE / file).read_text()), 0)[1]:
            sys.exit(f"{file}: its tests fail without a mutant")
    waiting = [(file, *mutant) for file in given.files for mutant in mutants(file)][:: given.every]
    total, lived = [file for file, _, _ in waiting], []
    running: dict[int, tuple[str, str]] = {}
    while waiting or running:
        while waiting and len(running) < given.jobs:
            file, change, source = waiting.pop(0)
            running[start(file, source)] = file, change
        print(f"\r{len(waiting)} left ", end="", file=sys.stderr, flush=True)
        child, status = os.wait()
        file, change = running.pop(child)
        if status == 0:
            lived.append(file)
            print(change, flush=True)
    for file in given.files:
        print(f"{file}: {total.count(file) - lived.count(file)} of {total.count(file)} killed")
    killed, minutes = 1 - len(lived) / len(total), (time.monotonic() - began) / 60
    print(f"{killed:.1%} of {len(total)} mutants killed in {minutes:.0f} min")
    sys.exit(killed < WANTED)


if __name__ == "__main__":
    warm_up()
    main()
