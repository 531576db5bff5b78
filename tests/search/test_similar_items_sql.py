"""The SQL function, as an analyst meets it."""

import psycopg
import pytest

from app.database import Database
from tests.search.conftest import FIRST_ID


def test_unknown_items_have_no_rows(gallery_database: Database) -> None:
    with gallery_database.connection() as connection:
        assert connection.execute("SELECT * FROM similar_items(1)").fetchall() == []


def test_named_arguments_and_defaults(gallery_database: Database) -> None:
    with gallery_database.connection() as connection:
        rows = connection.execute(
            "SELECT item_id, gender, base_colour FROM similar_items(item_id => %s, top_n => 7, "
            'filter => \'{"gender": "Men", "base_colour": ["Red", "Blue"]}\')',
            [FIRST_ID],
        ).fetchall()
        five = connection.execute("SELECT * FROM similar_items(%s)", [FIRST_ID]).fetchall()
    assert len(rows) == 7
    assert {(gender, colour) for _, gender, colour in rows} <= {("Men", "Red"), ("Men", "Blue")}
    assert len(five) == 5


@pytest.mark.parametrize("top_n", [0, -1, 1001, None])
def test_top_n_out_of_range_is_named(gallery_database: Database, top_n: int | None) -> None:
    with (
        gallery_database.connection() as connection,
        pytest.raises(psycopg.errors.InvalidParameterValue, match="top_n"),
    ):
        connection.execute("SELECT * FROM similar_items(%s, %s)", [FIRST_ID, top_n])


def test_unknown_filters_are_named_with_the_known(gallery_database: Database) -> None:
    with (
        gallery_database.connection() as connection,
        pytest.raises(psycopg.errors.InvalidParameterValue, match=r'"colour"; known are gender'),
    ):
        connection.execute('SELECT * FROM similar_items(%s, 5, \'{"colour": "Red"}\')', [FIRST_ID])


def test_min_similarity_cuts_the_tail(gallery_database: Database) -> None:
    with gallery_database.connection() as connection:
        every = connection.execute(
            "SELECT similarity FROM similar_items(%s, 50)", [FIRST_ID]
        ).fetchall()
        threshold = every[20][0]
        kept = connection.execute(
            "SELECT similarity FROM similar_items(%s, 50, min_similarity => %s)",
            [FIRST_ID, threshold],
        ).fetchall()
    assert kept == every[:21]


def test_removed_items_and_lost_photos_leave_the_results(gallery_database: Database) -> None:
    with gallery_database.connection() as connection:
        first, second, third = (
            row[0]
            for row in connection.execute(
                "SELECT item_id FROM similar_items(%s, 3)", [FIRST_ID]
            ).fetchall()
        )
        connection.execute("UPDATE items SET removed_at = now() WHERE item_id = %s", [first])
        connection.execute("DELETE FROM photos WHERE item_id = %s", [second])
        connection.execute("DELETE FROM embeddings WHERE item_id = %s", [second])
        rows = connection.execute("SELECT item_id FROM similar_items(%s, 3)", [FIRST_ID]).fetchall()
    assert rows[0][0] == third
    assert len(rows) == 3
