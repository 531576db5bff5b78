"""What LOOKALIKE_IMAGES may say, and what is said of what it may not."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import LookalikeError
from app.photos import Folder, Remote, open_root
from app.photos.web import Web


@pytest.mark.parametrize("where", ["/srv/photos", "photos", "./a:b", "c:/photos"])
def test_what_is_no_url_is_a_folder(where: str) -> None:
    root = open_root(where)
    assert isinstance(root, Folder)
    assert root.path == Path(where)


@pytest.mark.parametrize(
    ("url", "kind", "base"),
    [
        ("memory://shop/photos/", Remote, "/shop/photos"),
        ("https://photos.example/shop/", Web, "https://photos.example/shop"),
        ("http://photos.example:8080", Web, "http://photos.example:8080"),
    ],
)
def test_a_url_is_a_remote_root(url: str, kind: type, base: str) -> None:
    root = open_root(url)
    assert type(root) is kind
    assert isinstance(root, Remote)
    assert root.base == base


@pytest.mark.parametrize(("protocol", "package"), [("s3", "s3fs"), ("gs", "gcsfs")])
def test_a_missing_package_is_named_by_its_extra(
    monkeypatch: pytest.MonkeyPatch, protocol: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(LookalikeError) as refusal:
        open_root(f"{protocol}://bucket/photos")
    line = f"photos at {protocol}:// need more packages: pip install 'lookalike[{protocol}]'"
    assert str(refusal.value) == line


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(LookalikeError, match=r"LOOKALIKE_IMAGES can't be used: .*nonsense"):
        open_root("nonsense://photos")


def test_a_path_can_not_go_behind_a_query() -> None:
    with pytest.raises(LookalikeError, match=r"has a [?] or #"):
        open_root("https://photos.example/shop?key=1")


def test_a_password_is_never_shown() -> None:
    root = open_root("https://me:secret@photos.example/shop")
    assert isinstance(root, Remote)
    assert root.shown == "https://photos.example/shop"


def test_a_folder_costs_no_import_of_fsspec() -> None:
    code = (
        "import sys, worker.embedding.drain, worker.ingest, app.http\n"
        "from app.photos import open_root\n"
        "open_root('photos').require_around('1.jpg')\n"
        "assert not set(sys.modules) & {'fsspec', 'aiohttp'}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "PhotoStorageUnavailable: the folder of the photos, photos, isn't there" in done.stderr
    done = subprocess.run(
        [sys.executable, "-c", code.replace("'photos'", "'.'")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
