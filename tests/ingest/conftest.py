"""Catalogs to ingest, and what an ingest makes of them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.catalog.apply import apply_profile
from app.catalog.profile import Profile
from tests.conftest import Cli, clone
from tests.ingest.fakes import SHOP, ListSource, MemoryPhotos, shop_profile
from tests.support.templates import make_template
from worker.ingest import IngestReport, Problem, ingest
from worker.sources import Product

Rows = list[tuple[Any, ...]]

PRIVATE = {"LOOKALIKE_ALLOW_PRIVATE_ADDRESSES": "true"}
"""Lets a command fetch from a server of the test's own."""


class Shop:
    """A database of a test's own, and ingests into it."""

    def __init__(self, url: str, connection: psycopg.Connection[Any]) -> None:
        self.url = url
        self.connection = connection
        self.profile = shop_profile(SHOP)
        self.photos = MemoryPhotos()
        self.problems: list[Problem] = []

    def ingest(
        self, *products: Product, profile: Profile | None = None, **options: Any
    ) -> IngestReport:
        """Ingest products and commit; all is undone on an error."""
        absent = options.pop("absent", frozenset())
        source = options.pop("source", None) or ListSource(products, absent=absent)
        source.profile = profile or self.profile
        self.problems = []
        self.photos.opened.clear()
        try:
            report = ingest(
                self.connection,
                source,
                self.photos,
                on_problem=self.problems.append,
                **options,
            )
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()
        return report

    def rows(self, statement: str, *values: Any) -> Rows:
        """Run a statement and commit."""
        found = self.connection.execute(statement, values)
        rows = found.fetchall() if found.description else []
        self.connection.commit()
        return rows

    def photo_rows(self) -> Rows:
        """The stored photos: sku, position, reference, content."""
        content = {sha256: name for name, sha256 in self.photos.hashes.items()}
        rows = self.rows(
            "SELECT sku, position, reference, sha256 FROM photos JOIN items USING (item_id) "
            "ORDER BY sku, position"
        )
        return [(sku, position, reference, content[sha]) for sku, position, reference, sha in rows]


@pytest.fixture(scope="session")
def shop_template(server: str) -> str:
    """Name of a database with the attributes of SHOP."""

    def declare(url: str) -> None:
        with psycopg.connect(url) as connection:
            apply_profile(connection, shop_profile(SHOP))

    return make_template(server, "template_shop", declare)


@pytest.fixture
def shop(server: str, shop_template: str) -> Iterator[Shop]:
    with clone(server, shop_template) as url, psycopg.connect(url) as connection:
        yield Shop(url, connection)


@pytest.fixture
def catalog(sample_catalog: Path, tmp_path: Path) -> Path:
    """A copy of the sample catalog that a test may spoil."""
    return Path(shutil.copytree(sample_catalog, tmp_path / "catalog"))


def report(
    cli: Cli, url: str, source: object, *options: object, **environment: str
) -> dict[str, Any]:
    """Run the command, and return its report."""
    done = cli(url, "ingest", source, "--json", *options, **environment)
    assert done.returncode == 0, done.stderr
    counts: dict[str, Any] = json.loads(done.stdout)
    assert counts["read"] == counts["stored"] + counts["rejected"]
    return counts


def embed(shop: Shop, *, pending: bool = False) -> None:
    """Give each stored photo a vector, as a worker would, and a job where asked."""
    shop.rows(
        "INSERT INTO embedding_models (name, backbone, pooling, dimensions, input_size, "
        "preprocessing, weights_sha256, precision) "
        "VALUES ('tiny', 'compact', 'max', 3, 8, 'none', '', 'float32') ON CONFLICT DO NOTHING"
    )
    ((model_id,),) = shop.rows("SELECT model_id FROM embedding_models")
    shop.rows(
        f"CREATE TABLE IF NOT EXISTS embeddings_{model_id} PARTITION OF embeddings "
        f"FOR VALUES IN ({model_id})"
    )
    shop.rows(
        "INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256) "
        "SELECT %s, item_id, position, '[1,0,0]', sha256 FROM photos ON CONFLICT DO NOTHING",
        model_id,
    )
    if pending:
        shop.rows(
            "INSERT INTO embedding_jobs (model_id, item_id, position, image_sha256) "
            "SELECT %s, item_id, position, sha256 FROM photos",
            model_id,
        )


def vectors(shop: Shop) -> list[tuple[str, int]]:
    return [
        (sku, position)
        for sku, position in shop.rows(
            "SELECT sku, position FROM embeddings JOIN items USING (item_id) ORDER BY sku, position"
        )
    ]


def rows(url: str, statement: str) -> Rows:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def add_line(catalog: Path, line: str) -> None:
    with (catalog / "styles.csv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def product_lines(catalog: Path) -> list[str]:
    return (catalog / "styles.csv").read_text(encoding="utf-8").splitlines()[1:]
