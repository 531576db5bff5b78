"""A catalog to spoil, and what an ingest makes of it."""

import json
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Cli


@pytest.fixture
def catalog(sample_catalog: Path, tmp_path: Path) -> Path:
    """A copy of the sample catalog that a test may spoil."""
    return Path(shutil.copytree(sample_catalog, tmp_path / "catalog"))


def account(cli: Cli, url: str, folder: Path, *options: str) -> dict[str, int]:
    done = cli(url, "ingest", folder, "--json", *options)
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    assert counts["read"] == counts["stored"] + counts["rejected"]
    assert counts["stored"] == counts["with_photo"] + counts["without_photo"]
    return counts


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def add_line(catalog: Path, line: str) -> None:
    with (catalog / "styles.csv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def product_lines(catalog: Path) -> list[str]:
    return (catalog / "styles.csv").read_text(encoding="utf-8").splitlines()[1:]
