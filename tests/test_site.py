"""The docs as a site: links hold, and a reader's browser asks nobody else for anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]*\ssrc=["']?(?P<src>[^"'\s>]+)"""
    r"""|<link[^>]*\srel=["']?(?:stylesheet|preconnect|preload|icon)["']?[^>]*\shref=["']?(?P<a>[^"'\s>]+)"""
    r"""|<link[^>]*\shref=["']?(?P<b>[^"'\s>]+)["']?[^>]*\srel=["']?(?:stylesheet|preconnect|preload|icon)"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_on_the_site(site: Path) -> None:
    pages = {file.stem for file in (ROOT / "docs").glob("*.md")} - {"index"}
    pages |= {"changelog", "contributing", "settings", "license"}
    assert {page for page in pages if not (site / page / "index.html").exists()} == set()
    assert not list(site.rglob("*.py"))


def test_pages_fetch_nothing_from_elsewhere(site: Path) -> None:
    fetched = [
        address
        for page in site.rglob("*.html")
        for found in FETCHED.finditer(page.read_text(encoding="utf-8"))
        if (address := found["src"] or found["a"] or found["b"])
    ]
    assert len(fetched) > 20
    assert [address for address in fetched if "//" in address] == []


def test_styles_fetch_nothing_from_elsewhere(site: Path) -> None:
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style.read_text("utf-8"))
