"""What the worker's tests share: catalogs to spoil, workers to disturb."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database import Database, open_database
from tests.conftest import clone, settings_for
from tests.support.waiting import execute


@pytest.fixture
def catalog(sample_catalog: Path, tmp_path: Path) -> Path:
    """A copy of the sample catalog that a test may spoil."""
    return Path(shutil.copytree(sample_catalog, tmp_path / "catalog"))


@pytest.fixture
def unembedded_url(server: str, catalog_template: str) -> Iterator[str]:
    """URI of a database with the sample catalog and `compact`, and no vector yet."""
    with clone(server, catalog_template) as url:
        execute(url, "TRUNCATE embeddings_1")
        execute(url, "DROP INDEX embeddings_1_hnsw")
        yield url


@pytest.fixture
def unembedded_database(unembedded_url: str, home: Path) -> Iterator[Database]:
    """The open database of `unembedded_url`."""
    with open_database(settings_for(unembedded_url, home)) as database:
        yield database
