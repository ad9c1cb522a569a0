"""A store whose classes differ in size."""

from pathlib import Path

import pytest

from vidcondense import toys
from vidcondense.data.prepare import prepare
from vidcondense.data.store import ClipStore


@pytest.fixture
def unbalanced_store(tmp_path: Path) -> ClipStore:
    """Two classes of 2 and 4 training videos."""
    source = toys.generate(
        "actions",
        tmp_path / "clips",
        train_per_class=4,
        test_per_class=1,
        classes=2,
        frames=8,
        size=48,
        workers=1,
    )
    for file in sorted((source / "train").glob("*"))[0].glob("*"):
        if file.name[:-4][-1] in "01":
            file.unlink()
    prepare(source, tmp_path / "store", frames=4, size=32, workers=1, progress=False)
    return ClipStore.open(tmp_path / "store")
