"""Photos in a folder, in memory and on web servers of this machine."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from app.photos.http_client import HttpClient
from app.photos.retry import RetryPolicy
from tests.photos.scripted_server import ScriptedServer
from tests.support.photo_server import PhotoServer, in_memory, serving

ONCE = RetryPolicy(attempts=1)
QUICK = RetryPolicy(attempts=4, wait=0.01, longest_wait=5)


def photo(width: int = 30, height: int = 40, colour: str = "red") -> bytes:
    """The bytes of a real photo."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "JPEG")
    return buffer.getvalue()


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


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    """A web server whose answers the test writes."""
    with ScriptedServer().running() as server:
        yield server


@pytest.fixture
def make_client() -> Iterator[Callable[..., HttpClient]]:
    """Make HTTP clients that reach this machine and ask once, unless told otherwise."""
    made = []

    def make(**options: object) -> HttpClient:
        client = HttpClient(**{"allow_private": True, "retry": ONCE, **options})  # type: ignore[arg-type]
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()
