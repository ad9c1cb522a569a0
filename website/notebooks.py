"""Run a notebook in an empty folder and write it with its outputs as a page.

python website/notebooks.py NOTEBOOK.ipynb PAGE.md
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode

SECONDS = 600
"""Before a cell, or the start of its process, is given up."""


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, page = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        text = as_page(ran(source, Path(folder)), source)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")


def ran(source: Path, folder: Path) -> NotebookNode:
    """The notebook after all its cells ran in a folder; an error in a cell is raised."""
    notebook = nbformat.read(source, as_version=4)
    os.environ.setdefault("IPYTHONDIR", str(folder / ".ipython"))  # nothing of this machine's settings
    there = {"metadata": {"path": str(folder)}}
    client = NotebookClient(
        notebook, timeout=SECONDS, startup_timeout=SECONDS, kernel_name="python3", resources=there
    )
    return client.execute()


def as_page(notebook: NotebookNode, source: Path) -> str:
    """A notebook in Markdown, pictures in it; progress is left out."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if not is_progress(one)]
            for one in cell.outputs:
                one.update({"text": strip_ansi(one["text"])} if "text" in one else {})
    text, _ = MarkdownExporter(embed_images=True).from_notebook_node(notebook)
    ran_as = f"`examples/notebooks/{source.name}`, as it ran:"
    return re.sub(r"^(# .*)", lambda title: f"{title[0]}\n\n{ran_as}", text.lstrip(), count=1)


def is_progress(output: NotebookNode) -> bool:
    """Whether an output is a message on standard error, or a line that the library for progress displays."""
    return output.get("name") == "stderr" or output.get("data", {}).get("text/html", "").startswith("<pre ")


if __name__ == "__main__":
    main()
