"""Run folders for the tests of the report."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_run import write_run


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """`write_run`, into folders of this test."""

    def make(name: str = "first", recipe: str = "prism", mean: float | None = 0.625) -> Path:
        return write_run(tmp_path / name, recipe, mean)

    return make
