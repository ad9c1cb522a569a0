"""Pages of the site that no file in docs/ is: README, examples, notebooks and the reference.

MkDocs calls the functions whose names begin with `on_`.
"""

import ast
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel

import reference_pages

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "build" / "notebooks"
COPIED = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Files of the repository that become pages."""
AS_THEY_ARE = ("CITATION.cff", "LICENSE")
SHIM, ELSEWHERE = "website/iframe_worker.js", "https://unpkg.com/iframe-worker/shim"
"""What search needs in pages that are opened from a disk, and where the theme would load it from."""
LANGUAGES = {".py": "python", ".toml": "toml", ".sh": "bash", ".yaml": "yaml"}
"""Of examples that become pages."""
LINK = re.compile(r'(\]\(|src=")(?!\w+:)([^)#"]+)')


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    for source, content in made().items():
        file = File.generated(config, source, content=content)
        if source.startswith("examples/") and source != "examples/index.md":
            file.inclusion = InclusionLevel.NOT_IN_NAV
        files.append(file)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links of a page in docs/ into the repository to the pages made of it."""
    return markdown if page.file.generated_by else relinked(markdown, "docs", page.file.src_uri)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Load nothing from elsewhere."""
    return output.replace(ELSEWHERE, posixpath.relpath(SHIM, posixpath.dirname(page.url) or "."))


def made() -> dict[str, str]:
    """The pages that are made, in Markdown, and files that are copied, by their paths in the site."""
    pages = {
        page: relinked((ROOT / name).read_text(encoding="utf-8"), ".", page) for name, page in COPIED.items()
    }
    pages |= {name: (ROOT / name).read_text(encoding="utf-8") for name in (*AS_THEY_ARE, SHIM)}
    scripts = [path for path in sorted((ROOT / "examples").rglob("*")) if path.suffix in LANGUAGES]
    pages["examples/index.md"] = examples(scripts)
    pages |= {place(path.relative_to(ROOT).as_posix()): script(path) for path in scripts}
    for path in sorted((ROOT / "examples" / "notebooks").glob("*.ipynb")):
        pages[f"notebooks/{path.stem}.md"] = notebook(path.stem)
    return pages | reference_pages.pages()


def place(path: str) -> str:
    """Where the site has what lies at a path of the repository."""
    if path in COPIED:
        return COPIED[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith("examples/notebooks/") and path.endswith(".ipynb"):
        return f"notebooks/{Path(path).stem}.md"
    if path.split("/")[0] == "examples":
        return f"{path}.md" if Path(path).suffix in LANGUAGES else "examples/index.md"
    return path


def relinked(markdown: str, folder: str, page: str) -> str:
    """Text of a file in a folder of the repository, with its links as they are from a page of the site."""

    def there(link: re.Match[str]) -> str:
        target = place(posixpath.normpath(posixpath.join(folder, link[2])))
        return link[1] + posixpath.relpath(target, posixpath.dirname(page) or ".")

    return LINK.sub(there, markdown)


def examples(scripts: list[Path]) -> str:
    """The list of examples, each with what it says of itself in its first line."""
    lines = ["# Is there a script to start from?"]
    for folder in dict.fromkeys(path.parent for path in scripts):
        lines += ["", f"## {folder.relative_to(ROOT).as_posix()}", ""]
        for path in (path for path in scripts if path.parent == folder):
            link = posixpath.relpath(place(path.relative_to(ROOT).as_posix()), "examples")
            lines.append(f"- [{path.name}]({link}){about(path)}")
    return "\n".join(lines)


def about(path: Path) -> str:
    """The first line of a script's docstring, after a colon; nothing of other files."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.suffix == ".py" else ""
    return f": {text.partition(chr(10))[0]}" if text else ""


def script(path: Path) -> str:
    """A page that shows a file."""
    name, code = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    return f"# {path.name}\n\n`{name}`\n\n```{LANGUAGES[path.suffix]}\n{code}```\n"


def notebook(name: str) -> str:
    """A notebook with its outputs, as `make site` ran it."""
    file = NOTEBOOKS / f"{name}.md"
    if not file.exists():
        raise PluginError(f"{file} is not there: `make site` runs the notebooks first")
    return relinked(file.read_text(encoding="utf-8"), "examples/notebooks", f"notebooks/{name}.md")
