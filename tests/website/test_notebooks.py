"""The notebooks run from top to bottom, and show what they say."""

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbclient", reason="the extra `site` is not installed")
pytest.importorskip("ipykernel", reason="the extra `site` is not installed")

import notebooks

FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
SHOWN = {
    "condense_and_look": (
        r"displaced +[\d,]+ bytes",
        r"random +top-1 \d+\.\d %, chance",
        "report.html",
        "<img src=",
    ),
    "your_own_loop": (r"torch.Size\(\[8, 3, 32, 32\]\)", r"\d+ of 18 test clips", r"person_walk/.*\.mp4"),
    "compare_methods": (r"two_key_frames \| \d", r"\| Random \| \d"),
}
"""What the outputs have to say, as patterns."""


def said(notebook: Any) -> str:
    parts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            parts += [output.get("text", ""), *map(str, output.get("data", {}).values())]
    return "\n".join(parts)


def test_every_notebook_is_listed() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == SHOWN.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    source = FOLDER / f"{name}.ipynb"
    ran = notebooks.ran(source, tmp_path)
    for pattern in SHOWN[name]:
        assert re.search(pattern, said(ran)), pattern
    page = notebooks.as_page(ran, source)
    assert page.startswith("# ") and f"examples/notebooks/{name}.ipynb" in page.splitlines()[2]
    assert "<pre " not in page and "```python" in page and str(tmp_path) not in page


def test_notebooks_are_kept_without_outputs() -> None:
    for path in FOLDER.glob("*.ipynb"):
        assert '"output_type"' not in path.read_text(encoding="utf-8"), path.name
