"""Attributes whose names are those of columns, aliases, parameters and variables of the schema."""

from pathlib import Path
from threading import Event

import psycopg
import pytest

from app.catalog.attributes import Catalog
from app.catalog.filters import Filters, filters_model
from app.catalog.profile import is_name, parse_profile
from app.database import open_database
from app.errors import LookalikeError
from app.items.parameters import read_with_filters
from app.search.options import Options
from tests.conftest import Cli, settings_for
from tests.models.conftest import add_model
from tests.support.vectors import stub_engine
from worker.embedding.run import EmbeddingRun

NAMES = [
    *(
        "width",
        "height",
        "reference",
        "validator",
        "sha256",
        "state",
        "attempts",
        "name",
        "version",
    ),
    *(
        "label",
        "type",
        "value",
        "kind",
        "model",
        "model_id",
        "embedded_at",
        "image_sha256",
        "order",
    ),
    *("last_error", "visible", "user", "table", "group", "select", "filter", "query", "excluded"),
    *("distances", "ids", "candidates", "removed", "active", "root", "c", "d", "e", "i", "o", "p"),
    *("素材", "カテゴリ", "цвет", "größe", "สี", "रंग_1"),
]

SEARCH = """
SELECT n.sku
FROM similar_items('S1', 5, '{"filter": "x", "kind": "x", "width": "x"}') AS n
JOIN label_cohesion('value') ON true
JOIN category_coverage ON true
"""


def declared(names: list[str]) -> str:
    """A profile with attributes of some names."""
    attributes = [
        f'[attributes."{name}"]\ntype = "text"\nfilter = true\ncard = true\n' for name in names
    ]
    return "\n".join(['[source]\nformat = "csv"\nsku = "sku"\nphoto = "photo"', *attributes])


def test_attributes_may_have_the_names_of_the_schemas_own(
    bare_url: str, cli: Cli, home: Path, sample_catalog: Path, tmp_path: Path
) -> None:
    photo = next((sample_catalog / "images").iterdir())
    lines = [",".join(["sku", "photo", *NAMES])]
    lines += [",".join([sku, str(photo.name), *["x"] * len(NAMES)]) for sku in ("S1", "S2")]
    (tmp_path / "odd.csv").write_text("\n".join(lines))
    (tmp_path / "odd.toml").write_text(declared(NAMES))
    root = ("--root", photo.parent)
    for _ in range(2):
        done = cli(
            bare_url, "ingest", tmp_path / "odd.csv", "--profile", tmp_path / "odd.toml", *root
        )
        assert done.returncode == 0, done.stderr
    settings = settings_for(bare_url, home)
    with open_database(settings) as database:
        add_model(database, "compact")
        EmbeddingRun(settings, stub_engine(settings), Event(), name=None, follow=False).work(
            database
        )
    with psycopg.connect(bare_url) as connection:
        assert connection.execute(SEARCH).fetchall() == [("S2",)]
    for command in (
        ["similar", "S1"],
        ["status"],
        ["jobs", "list"],
        ["items", "delete", "S2", "--yes"],
    ):
        done = cli(bare_url, *command)
        assert done.returncode == 0, done.stderr


def test_attributes_may_have_the_names_of_pydantics_methods() -> None:
    names = [name for name in dir(Filters) if is_name(name)]
    assert {"copy", "json", "schema", "model_config", "as_json"} <= set(names)
    catalog = Catalog(version=1, attributes=parse_profile(declared(names), "odd.toml").attributes)
    given = {name: ["x"] for name in names}
    assert filters_model(catalog).model_validate(given).as_json() == given
    assert read_with_filters(catalog, Options, given)[1] == given


@pytest.mark.parametrize(
    "name",
    ["Цвет", "素 材", "素材?", "1st", "_a", "", "a" * 56, "素" * 19, "ﬁt", "a-b", "½", "\u0301a"],
)
def test_a_name_that_sql_would_have_to_quote_is_refused(name: str) -> None:
    with pytest.raises(LookalikeError, match="a name is made of small letters, digits and _"):
        parse_profile(declared([name]), "odd.toml")


@pytest.mark.parametrize("name", ["pkey", "percent", "items", "similarity"])
def test_names_of_indexes_and_of_columns_of_views_are_refused(name: str) -> None:
    with pytest.raises(LookalikeError, match=f"at attributes.{name}: this name is taken"):
        parse_profile(declared([name]), "odd.toml")
