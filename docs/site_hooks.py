"""What turns this repository into a site: pages from the files at its root, and links to them."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {
    ".env.example": "settings.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "license.md",
    "SECURITY.md": "security.md",
}
"""File at the root of the repository → page of the site."""

HEADINGS = {
    ".env.example": "# Settings\n\nEvery setting with its default, as a `.env` file:",
    "LICENSE": "# Licence",
}
"""What stands above a file that isn't Markdown."""

LINK = re.compile(r"(?<=\]\()(?:\.\./|docs/)?(?P<file>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for each file of `PAGES`."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if source in HEADINGS:
            text = f"{HEADINGS[source]}\n\n```text\n{text}```\n"
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Turn links that hold in the repository into links that hold on the site.

    A page of `docs/` links to `../CHANGELOG.md`, and a file at the root to `docs/api.md`.
    """
    return LINK.sub(_on_site, markdown)


def _on_site(link: re.Match[str]) -> str:
    if "://" in link[0]:
        return link[0]
    return PAGES.get(link["file"], link["file"]) + (link["anchor"] or "")
