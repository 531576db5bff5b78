"""Photos in a folder, in memory and on a web web."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.photo_server import PhotoServer, in_memory, serving


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A root with fifty files that stand for photos, one of them empty."""
    folder = tmp_path / "root" / "images"
    folder.mkdir(parents=True)
    for number in range(50):
        (folder / f"{number}.jpg").write_bytes(b"photo %d" % number if number else b"")
    return folder.parent


@pytest.fixture
def web(photos: Path) -> Iterator[PhotoServer]:
    """A web server over them."""
    with serving(photos) as running:
        yield running


@pytest.fixture
def memory_url(photos: Path) -> Iterator[str]:
    """URL of a copy of them in memory."""
    with in_memory(photos, "roots") as url:
        yield url
