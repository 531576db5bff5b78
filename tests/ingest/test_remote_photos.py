"""`lookalike ingest` of a catalog whose photos lie behind a URL."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.ingest.conftest import PRIVATE, report, rows
from tests.support.photo_server import PhotoServer


@pytest.fixture
def bare_catalog(sample_catalog: Path, tmp_path: Path) -> Path:
    """The sample catalog without its photos."""
    ignore = shutil.ignore_patterns("images")
    return Path(shutil.copytree(sample_catalog, tmp_path / "catalog", ignore=ignore))


@pytest.fixture
def photos(sample_catalog: Path) -> list[str]:
    return sorted(photo.name for photo in (sample_catalog / "images").iterdir())


def test_a_web_server_gives_what_the_folder_would(
    empty_url: str,
    cli: Cli,
    sample_catalog: Path,
    bare_catalog: Path,
    photo_server: PhotoServer,
    photos: list[str],
) -> None:
    found = report(cli, empty_url, bare_catalog, LOOKALIKE_IMAGES=photo_server.url, **PRIVATE)
    assert (found["with_photo"], found["unavailable_photos"]) == (len(photos), 0)
    # From the folder: the same paths, hashes and sizes.
    again = report(cli, empty_url, sample_catalog)
    assert (again["changed"], again["unchanged"]) == (0, found["stored"])


def test_what_is_missing_and_what_is_denied(
    empty_url: str, cli: Cli, bare_catalog: Path, photo_server: PhotoServer, photos: list[str]
) -> None:
    photo_server.statuses = {f"/images/{photos[0]}": 403, f"/images/{photos[1]}": 404}
    found = report(cli, empty_url, bare_catalog, LOOKALIKE_IMAGES=photo_server.url, **PRIVATE)
    assert (found["with_photo"], found["unavailable_photos"]) == (len(photos) - 2, 1)


def test_a_server_that_is_down_changes_nothing(
    empty_url: str, cli: Cli, bare_catalog: Path, photo_server: PhotoServer
) -> None:
    found = report(cli, empty_url, bare_catalog, LOOKALIKE_IMAGES=photo_server.url, **PRIVATE)
    photo_server.stop()
    done = cli(empty_url, "ingest", bare_catalog, LOOKALIKE_IMAGES=photo_server.url, **PRIVATE)
    assert done.returncode == 1
    assert f"lookalike: the photos at {photo_server.url} can't be reached (" in done.stderr
    assert rows(empty_url, "SELECT count(*) FROM photos") == [(found["photos"],)]


def test_a_folder_elsewhere_is_the_catalog_s_own(
    empty_url: str, cli: Cli, sample_catalog: Path, tmp_path: Path, photos: list[str]
) -> None:
    """As a worker on another machine names the mount: it does not concern the ingest."""
    found = report(cli, empty_url, sample_catalog, LOOKALIKE_IMAGES=str(tmp_path))
    assert found["with_photo"] == len(photos)
