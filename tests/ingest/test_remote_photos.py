"""`lookalike ingest` of a catalog whose photos lie behind a URL."""

import json
import shutil
from pathlib import Path

import pytest

from app.database import Database
from app.errors import LookalikeError
from app.photos import open_url
from tests.conftest import Cli
from tests.support.photo_server import PhotoServer, in_memory
from worker.ingest import Account, ingest


@pytest.fixture
def bare_catalog(sample_catalog: Path, tmp_path: Path) -> Path:
    """The sample catalog without its photos."""
    ignore = shutil.ignore_patterns("images")
    return Path(shutil.copytree(sample_catalog, tmp_path / "catalog", ignore=ignore))


@pytest.fixture
def photos(sample_catalog: Path) -> list[str]:
    return sorted(photo.name for photo in (sample_catalog / "images").iterdir())


def account(cli: Cli, url: str, folder: Path, **environment: str) -> Account:
    done = cli(url, "ingest", folder, "--json", **environment)
    assert done.returncode == 0, done.stderr
    return Account(**json.loads(done.stdout))


def test_a_web_server_gives_what_the_folder_would(
    empty_url: str,
    cli: Cli,
    sample_catalog: Path,
    bare_catalog: Path,
    photo_server: PhotoServer,
    photos: list[str],
) -> None:
    found = account(cli, empty_url, bare_catalog, LOOKALIKE_IMAGES=photo_server.url)
    assert (found.with_photo, found.unreadable_photos) == (len(photos), 0)
    # From the folder: the same paths, hashes and sizes.
    again = account(cli, empty_url, sample_catalog)
    assert (again.changed, again.unchanged) == (0, found.stored)


def test_what_is_missing_and_what_is_denied(
    empty_url: str, cli: Cli, bare_catalog: Path, photo_server: PhotoServer, photos: list[str]
) -> None:
    photo_server.statuses = {f"/images/{photos[0]}": 403, f"/images/{photos[1]}": 404}
    found = account(cli, empty_url, bare_catalog, LOOKALIKE_IMAGES=photo_server.url)
    assert (found.with_photo, found.unreadable_photos) == (len(photos) - 2, 1)


def test_a_server_that_is_down_changes_nothing(
    catalog_url: str, cli: Cli, bare_catalog: Path, photo_server: PhotoServer
) -> None:
    photo_server.stop()
    done = cli(catalog_url, "ingest", bare_catalog, LOOKALIKE_IMAGES=photo_server.url)
    assert done.returncode == 1
    assert f"lookalike: the photos at {photo_server.url} can't be reached (" in done.stderr
    status = json.loads(cli(catalog_url, "status", "--json").stdout)
    assert status["models"][0]["items"] == status["models"][0]["embedded"] > 0


def test_a_folder_elsewhere_is_the_catalog_s_own(
    empty_url: str, cli: Cli, sample_catalog: Path, tmp_path: Path, photos: list[str]
) -> None:
    """As a worker on another machine names the mount: it does not concern the ingest."""
    found = account(cli, empty_url, sample_catalog, LOOKALIKE_IMAGES=str(tmp_path))
    assert found.with_photo == len(photos)


def test_photos_in_memory_are_listed_once(
    empty_database: Database,
    sample_catalog: Path,
    bare_catalog: Path,
    photos: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with in_memory(sample_catalog, "ingest") as url, empty_database.connection() as connection:
        remote = open_url(url)
        read: list[str] = []
        real = remote.read

        def note(path: str) -> bytes:
            read.append(path)
            return real(path)

        monkeypatch.setattr(remote, "read", note)
        found = ingest(connection, bare_catalog, remote=remote)
        assert (found.with_photo, found.without_photo) == (len(photos), found.stored - len(photos))
        # The others are not even asked for.
        assert sorted(read) == [f"images/{name}" for name in photos]
        connection.commit()
        again = ingest(connection, sample_catalog)
        connection.commit()
        assert (again.changed, again.unchanged) == (0, found.stored)
        with pytest.raises(LookalikeError, match="there is nothing at memory://nowhere"):
            ingest(connection, bare_catalog, remote=open_url("memory://nowhere"))
