"""The HNSW index serves the plain question, whoever asks it."""

import json
from pathlib import Path
from typing import Any

from app.catalog.attributes import load_catalog
from app.database import Database, open_database
from app.items.keys import ItemKey
from app.search.options import SearchOptions
from app.search.similar import similar_items
from tests.conftest import settings_for
from tests.search.conftest import FIRST_ID, ask

ANALYST = """
SELECT item_id, 1 - (embedding <=> (SELECT embedding FROM item_embeddings WHERE item_id = 1234))
FROM item_embeddings
ORDER BY embedding <=> (SELECT embedding FROM item_embeddings WHERE item_id = 1234)
LIMIT 6
"""
EF_SEARCH = """
SELECT s.ef_search
FROM item_embeddings AS e
CROSS JOIN LATERAL search_candidates(e.embedding, %s, '{}', '{}') AS s
WHERE e.item_id = 1234
"""
SCANS = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'embeddings_1_hnsw'"


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


def test_an_analysts_query_uses_the_index(gallery_database: Database) -> None:
    with gallery_database.connection() as connection:
        row = connection.execute(f"EXPLAIN (FORMAT JSON) {ANALYST}").fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    assert "embeddings_1_hnsw" in {node.get("Index Name") for node in nodes(plan[0]["Plan"])}


def test_similar_items_uses_the_index(gallery_database: Database) -> None:
    with gallery_database.connection() as connection:
        before = connection.execute(SCANS).fetchone()
        options = SearchOptions(load_catalog(connection))
        answer = similar_items(connection, ItemKey.from_json(FIRST_ID), options)
        connection.commit()
        connection.execute("SELECT pg_stat_force_next_flush()")
    with gallery_database.connection() as connection:
        after = connection.execute(SCANS).fetchone()
    assert answer.search == "approximate"
    assert before is not None
    assert after is not None
    assert after[0] == before[0] + 1


def test_settings_of_a_search_end_with_its_transaction(gallery_database: Database) -> None:
    with gallery_database.connection() as connection:
        connection.execute("SELECT * FROM similar_items(1234, 500)")
        connection.commit()
        names = ("hnsw.ef_search", "hnsw.iterative_scan", "plan_cache_mode", "enable_sort")
        values = [connection.execute(f"SHOW {name}").fetchone() for name in names]
    assert values == [("40",), ("off",), ("auto",), ("on",)]


def test_how_hard_a_search_tries_is_a_setting(gallery_database: Database, home: Path) -> None:
    seen = []
    for ef_search in (None, 10, 300):
        settings = settings_for(gallery_database.url, home)
        settings = settings.model_copy(update={"hnsw_ef_search": ef_search})
        with open_database(settings) as database:
            explained = ask(database, FIRST_ID, top_n=5, explain=True).explain
            assert explained is not None
            seen.append(explained.ef_search)
    assert seen == [30, 15, 300]


def test_an_analyst_may_have_a_search_try_harder(gallery_database: Database) -> None:
    with gallery_database.connection() as connection:
        connection.execute("SET LOCAL lookalike.ef_search = 250")
        assert connection.execute(EF_SEARCH, [10]).fetchone() == (250,)
        assert connection.execute(EF_SEARCH, [5000]).fetchone() == (1000,)


def test_the_whole_index_is_asked_for_what_is_available(gallery_database: Database) -> None:
    first, *_ = ask(gallery_database, FIRST_ID + 100).results
    with gallery_database.connection() as connection:
        connection.execute("UPDATE items SET available = false WHERE item_id = %s", [first.item_id])
    for available, found in ((None, False), ([True], False), ([True, False], True)):
        given: dict[str, Any] = {} if available is None else {"available": available}
        answer = ask(gallery_database, FIRST_ID + 100, explain=True, **given)
        assert answer.explain is not None
        assert (answer.search, answer.explain.reason) == ("approximate", "there is no filter")
        assert answer.returned == 5
        assert (first.item_id in [item.item_id for item in answer.results]) == found
