"""The role lookalike_analyst, by logging in as it: what it reads, and that it changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from app.database import open_database
from app.encoders.registry import get_backbone
from app.models import activate, register
from tests.analysts.conftest import ANALYST, as_role
from tests.conftest import clone, settings_for

Connection = psycopg.Connection[Any]

READABLE = """
SELECT c.oid::regclass::text
FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
    AND has_table_privilege(c.oid, 'SELECT')
"""
CALLABLE = """
SELECT p.oid::regprocedure::text, has_function_privilege(p.oid, 'EXECUTE')
FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
LIKE_10001 = """
SELECT item_id
FROM item_embeddings
ORDER BY embedding <=> (SELECT embedding FROM item_embeddings WHERE item_id = 10001)
LIMIT 100
"""


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("hnsw.iterative_scan", "strict_order"),
        ("statement_timeout", "1min"),
        ("idle_in_transaction_session_timeout", "10min"),
        ("default_transaction_read_only", "on"),
    ],
)
def test_settings_hold_at_login(drawn: Connection, setting: str, value: str) -> None:
    drawn.execute("SELECT * FROM similar_items(10001)")  # pgvector is loaded, and knows its own
    assert drawn.execute(f"SHOW {setting}".encode()).fetchone() == (value,)


def test_a_limit_beyond_the_indexs_first_look_is_reached(grown: Connection, grown_url: str) -> None:
    with psycopg.connect(grown_url) as owner:
        assert len(owner.execute(LIKE_10001).fetchall()) < 100
    assert len(grown.execute(LIKE_10001).fetchall()) == 100


def test_it_reads_what_analysts_need(drawn: Connection) -> None:
    readable = {name for (name,) in drawn.execute(READABLE).fetchall()}
    assert readable >= {
        "items", "catalogs", "embedding_models", "embeddings", "evaluations", "item_embeddings",
        "neighbours",
        "embedding_progress", "brand_neighbours", "colour_cohesion", "type_cohesion",
        "category_coverage",
    }  # fmt: skip
    assert not readable & {"embedding_jobs", "embeddings_1"}
    for name in readable:
        assert drawn.execute(f"SELECT * FROM {name} LIMIT 1".encode()).description


def test_every_view_is_for_analysts(drawn: Connection) -> None:
    views = drawn.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind = 'v' AND NOT has_table_privilege(oid, 'SELECT')"
    ).fetchall()
    assert views == []


def test_functions_are_callable_and_procedures_are_not(drawn: Connection) -> None:
    allowed = dict(drawn.execute(CALLABLE).fetchall())
    refused = {name for name, may in allowed.items() if not may}
    assert refused == {"grant_rights()"}
    assert len(allowed) > 10


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM embedding_jobs",
        "SELECT * FROM embeddings_1",
        "INSERT INTO items (item_id) VALUES (1)",
        "UPDATE items SET price = 0",
        "DELETE FROM items",
        "TRUNCATE items CASCADE",
        "UPDATE embedding_models SET active = false",
        "DELETE FROM embeddings",
        "UPDATE catalogs SET root = '/'",
        "INSERT INTO evaluations (model_id, gallery, queries, figures) VALUES (1, 1, 1, '{}')",
        "INSERT INTO embeddings VALUES (1, 1, 1, '[1]', '')",
        "CREATE TABLE mine (number integer)",
        "CREATE OR REPLACE VIEW item_embeddings AS SELECT 1::bigint AS item_id",
        "DROP VIEW colour_cohesion",
        "CREATE INDEX ON items (price)",
        "CALL grant_rights()",
        "ALTER ROLE lookalike_analyst CREATEROLE",
        "SET ROLE lookalike_worker",
        "COPY items TO '/tmp/items'",
    ],
)
def test_nothing_else_is_allowed(drawn: Connection, statement: str) -> None:
    """Whoever takes the guard off still has no right."""
    drawn.execute("SET TRANSACTION READ WRITE")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        drawn.execute(statement.encode())


@pytest.mark.parametrize("statement", ["CREATE TEMP TABLE mine (a integer)", "SELECT lo_creat(1)"])
def test_what_everybody_may_is_guarded(drawn: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        drawn.execute(statement.encode())


def test_a_forgotten_query_ends(drawn: Connection) -> None:
    drawn.execute("SET statement_timeout = 100")
    with pytest.raises(psycopg.errors.QueryCanceled):
        drawn.execute("SELECT count(*) FROM items AS a, items AS b, items AS c, items AS d")


@pytest.fixture
def two_models_url(server: str, drawn_template: str, home: Path) -> Iterator[str]:
    """The drawn catalog with a second model, of another length, registered after the roles."""
    with clone(server, drawn_template) as url:
        with (
            open_database(settings_for(url, home)) as database,
            database.connection() as connection,
        ):
            register(connection, get_backbone("mobilenet_v2"), "other", "0" * 64)
            connection.cursor().executemany(
                "INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256) "
                "VALUES (2, %s, 1, %s, '')",
                [(10001 + n, HalfVector([n % 3 + 1.0, 1.0] + [0.0] * 1278)) for n in range(9)],
            )
        yield url


def test_rights_outlive_a_change_of_model(two_models_url: str, home: Path) -> None:
    with psycopg.connect(as_role(two_models_url, ANALYST), autocommit=True) as analyst:
        register_vector(analyst)
        of_second = "SELECT count(*) FROM embeddings WHERE model_id = 2"
        assert analyst.execute(of_second).fetchone() == (9,)
        question = "SELECT item_id FROM similar_items(10001, 3)"
        before = analyst.execute(question, prepare=True).fetchall()
        with open_database(settings_for(two_models_url, home)) as database:
            assert activate(database, "other", force=True)
        after = analyst.execute(question, prepare=True).fetchall()
        assert after == [(10004,), (10007,), (10002,)]
        assert before != after
        embedding = analyst.execute("SELECT embedding FROM item_embeddings LIMIT 1").fetchone()
        assert embedding is not None
        assert embedding[0].dimensions() == 1280
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"256 .* other have 1280"):
            analyst.execute("SELECT * FROM similar_to(%s)", [HalfVector([1.0] * 256)])
        coverage = analyst.execute("SELECT sum(embedded) FROM category_coverage").fetchone()
        assert coverage == (9,)
