"""Whenever k items match, k come back: any filter, any query, index or not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.database import Database
from tests.search.conftest import COLOURS, COUNT, FIRST_ID, GENDERS, TYPES, Gallery, ask

FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "gender": st.lists(st.sampled_from(GENDERS), min_size=1, max_size=2),
        "article_type": st.lists(st.sampled_from([*TYPES, "no such"]), min_size=1, max_size=3),
        "base_colour": st.lists(st.sampled_from(COLOURS), min_size=1, max_size=2),
        "year_min": st.integers(2007, 2019),
        "year_max": st.integers(2007, 2019),
    },
)
QUESTIONS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ROWS = st.integers(0, COUNT - 1)
TOP_NS = st.sampled_from([1, 5, 40, 41, 300, 1000])


def matching(gallery: Gallery, row: int, given_filters: dict[str, Any]) -> np.ndarray:
    """Which rows a search for a row may answer with."""
    mask = np.arange(COUNT) != row
    if "gender" in given_filters:
        mask &= np.isin(gallery.genders, given_filters["gender"])
    if "article_type" in given_filters:
        mask &= np.isin(gallery.types, given_filters["article_type"])
    if "base_colour" in given_filters:
        mask &= np.isin(gallery.colours, given_filters["base_colour"])
    mask &= gallery.years >= given_filters.get("year_min", 0)
    mask &= gallery.years <= given_filters.get("year_max", 9999)
    return np.flatnonzero(mask)


@pytest.mark.slow
@QUESTIONS
@given(row=ROWS, top_n=TOP_NS, filters=FILTERS)
def test_filtered_search_is_exact_search(
    gallery_database: Database, gallery: Gallery, row: int, top_n: int, filters: dict[str, Any]
) -> None:
    answer = ask(gallery_database, FIRST_ID + row, top_n=top_n, **filters)
    rows = matching(gallery, row, filters)
    distances = 1 - gallery.embeddings[rows] @ gallery.embeddings[row]
    nearest = np.lexsort((rows, distances))[:top_n]
    assert answer.returned == len(answer.results) == len(nearest)
    found = [item.item_id - FIRST_ID for item in answer.results]
    assert set(found) <= set(rows.tolist())
    if answer.search == "exact":
        np.testing.assert_allclose(
            [item.distance for item in answer.results], distances[nearest], atol=1e-3
        )
    order = [(item.distance, item.item_id) for item in answer.results]
    assert order == sorted(order)


@pytest.fixture
def hasty_database(gallery_database: Database) -> Database:
    """A database that thinks the index right for any filter, so that it runs short at times."""
    with gallery_database.connection() as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION exact_search_limit() RETURNS integer LANGUAGE sql "
            "IMMUTABLE PARALLEL SAFE RETURN 20"
        )
    return gallery_database


@QUESTIONS
@given(row=ROWS, top_n=TOP_NS, filters=FILTERS)
def test_index_search_never_falls_short(
    hasty_database: Database, gallery: Gallery, row: int, top_n: int, filters: dict[str, Any]
) -> None:
    answer = ask(hasty_database, FIRST_ID + row, top_n=top_n, **filters)
    rows = matching(gallery, row, filters)
    assert answer.returned == min(top_n, len(rows))
    found = [item.item_id - FIRST_ID for item in answer.results]
    assert set(found) <= set(rows.tolist())
    assert len(set(found)) == len(found)


def test_index_search_recalls_the_exact_neighbours(
    gallery_database: Database, gallery: Gallery
) -> None:
    hits = 0
    for row in range(0, COUNT, 40):
        answer = ask(gallery_database, FIRST_ID + row, top_n=10)
        assert answer.search == "approximate"
        similarity = gallery.embeddings @ gallery.embeddings[row]
        similarity[row] = -1
        tenth = np.sort(similarity)[-10]
        hits += sum(similarity[item.item_id - FIRST_ID] >= tenth - 1e-3 for item in answer.results)
    assert hits / (COUNT / 40 * 10) >= 0.95


def test_neighbours_are_found_across_a_filter(hasty_database: Database, gallery: Gallery) -> None:
    # The filter lets through the six tenths that are farthest from where the questions come from.
    likeness = gallery.embeddings @ gallery.embeddings[0]
    ranked = np.argsort(likeness)
    allowed, asking = ranked[: COUNT * 6 // 10], ranked[-50:]
    with hasty_database.connection() as connection:
        connection.execute(
            "UPDATE items SET year = rank FROM unnest(%s::bigint[]) WITH ORDINALITY "
            "AS ranked (id, rank) WHERE id = item_id",
            [(ranked + FIRST_ID).tolist()],
        )
        connection.execute("ANALYZE items")
    hits = 0
    for row in asking.tolist():
        answer = ask(hasty_database, FIRST_ID + row, top_n=10, year_max=len(allowed))
        similarity = gallery.embeddings @ gallery.embeddings[row]
        tenth = np.sort(similarity[allowed])[-10]
        hits += sum(similarity[item.item_id - FIRST_ID] >= tenth - 1e-3 for item in answer.results)
    assert hits / (10 * len(asking)) >= 0.97


def test_more_than_there_are_gives_all_there_are(gallery_database: Database) -> None:
    with gallery_database.connection() as connection:
        connection.execute(
            "UPDATE items SET removed_at = now() WHERE item_id >= %s", [FIRST_ID + 50]
        )
    answer = ask(gallery_database, FIRST_ID + 3, top_n=1000)
    assert answer.returned == 49


def test_twins_are_ordered_by_id(gallery_database: Database) -> None:
    answer = ask(gallery_database, FIRST_ID + 12, top_n=4)
    assert [item.item_id - FIRST_ID for item in answer.results] == [10, 11, 13, 14]
    assert all(item.similarity == pytest.approx(1, abs=1e-3) for item in answer.results)
