"""Applying a profile: columns, filters, results and overviews follow the declaration."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from app.catalog.apply import apply_profile, stored_profile
from app.catalog.attributes import load_catalog
from app.catalog.filters import filter_names
from app.catalog.profile import CORE_COLUMNS, DATASET, Profile, load_profile, parse_profile
from app.errors import LookalikeError

SHOP = """
[source]
format = "csv"
sku = "sku"

[attributes.material]
type = "text"
label = "Material"
description = "What it is made of"
filter = true
facet = true
train = true
category = true
card = true
cohesion_view = "material_cohesion"

[attributes.seats]
type = "integer"
filter = true

[attributes.weight]
type = "number"
filter = true

[attributes.outdoor]
type = "boolean"
filter = true
facet = true

[attributes.released]
type = "date"
filter = true

[attributes.rooms]
type = "text[]"
filter = true

[attributes.note]
type = "text"
"""


@pytest.fixture
def connection(empty_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(empty_url) as opened:
        yield opened


def shop(text: str = SHOP) -> Profile:
    return parse_profile(text, "shop.toml")


def apply_shop(connection: psycopg.Connection[Any]) -> None:
    apply_profile(connection, shop(), drop=True)


def test_columns_are_real_typed_commented_and_indexed(
    connection: psycopg.Connection[Any],
) -> None:
    apply_shop(connection)
    columns = dict(
        connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = 'items'::regclass AND attnum > 0 AND NOT attisdropped"
        ).fetchall()
    )
    assert "base_colour" not in columns
    assert {name: columns[name] for name in load_catalog(connection).columns} == {
        "material": "text",
        "seats": "bigint",
        "weight": "numeric",
        "outdoor": "boolean",
        "released": "date",
        "rooms": "text[]",
        "note": "text",
    }
    comment = connection.execute(
        "SELECT col_description('items'::regclass, attnum) FROM pg_attribute"
        " WHERE attrelid = 'items'::regclass AND attname = 'material'"
    ).fetchone()
    assert comment == ("What it is made of",)
    indexes = {
        name for (name,) in connection.execute("SELECT indexname FROM pg_indexes").fetchall()
    }
    assert {"items_material", "items_seats", "items_weight", "items_released", "items_rooms"} <= (
        indexes
    )
    assert not {"items_note", "items_outdoor", "items_base_colour"} & indexes


def test_every_object_says_what_it_is(connection: psycopg.Connection[Any]) -> None:
    apply_shop(connection)
    missing = connection.execute(
        """
        SELECT c.relname, a.attname
        FROM pg_class AS c
        LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p')
            AND c.relname <> 'alembic_version'
            AND (obj_description(c.oid, 'pg_class') IS NULL
                OR col_description(c.oid, a.attnum) IS NULL)
        UNION ALL
        SELECT p.oid::regprocedure::text, NULL
        FROM pg_proc AS p
        WHERE p.pronamespace = 'public'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL
            AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
        """
    ).fetchall()
    assert missing == []


FILTERS: list[tuple[str, list[str]]] = [
    ("{}", ["chair", "table"]),
    ('{"material": "oak"}', ["chair", "table"]),
    ('{"material": ["pine", "steel"]}', []),
    ('{"material": null}', ["chair", "table"]),
    ('{"seats_min": 2}', ["table"]),
    ('{"seats_max": 1, "weight_min": 4.25}', ["chair"]),
    ('{"outdoor": true}', ["table"]),
    ('{"outdoor": [true, false]}', ["chair", "table"]),
    ('{"released_min": "2026-01-01"}', ["table"]),
    ('{"rooms": ["hall", "kitchen"]}', ["chair", "table"]),
    ('{"rooms": "garden"}', ["table"]),
    ('{"available": false}', ["stool"]),
    ('{"available": [true, false]}', ["chair", "stool", "table"]),
    ('{"price_max": 80}', ["chair"]),
    ('{"brand_name": []}', []),
]


@pytest.mark.parametrize(("given", "expected"), FILTERS)
def test_filters_of_every_type(
    connection: psycopg.Connection[Any], given: str, expected: list[str]
) -> None:
    apply_shop(connection)
    connection.execute(
        """
        INSERT INTO items (
            item_id, sku, price, available, material, seats, weight, outdoor, released, rooms,
            removed_at
        ) VALUES
            (1, 'chair', 79.90, true, 'oak', 1, 4.25, false, '2025-12-31', '{kitchen,hall}', NULL),
            (2, 'table', 310, true, 'oak', 6, 30, true, '2026-01-01', '{garden,hall}', NULL),
            (3, 'stool', 20, false, 'pine', 1, 2, false, NULL, NULL, NULL),
            (4, 'gone', 20, true, 'pine', 1, 2, false, NULL, NULL, now())
        """
    )
    rows = connection.execute(
        "SELECT sku FROM filter_items(%s::jsonb) ORDER BY sku", [given]
    ).fetchall()
    assert [sku for (sku,) in rows] == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ('{"seats_min": "two"}', 'filter seats_min is "two", it must be an integer'),
        ('{"seats_min": 1.5}', "filter seats_min is 1.5, it must be an integer"),
        ('{"weight_max": true}', "filter weight_max is true, it must be a number"),
        ('{"outdoor": "yes"}', 'filter outdoor is "yes", it must be true or false'),
        ('{"released_min": "31.1.2026"}', "it must be a date, such as"),
        ('{"released_min": "2026-02-30"}', "it must be a date, such as"),
        ('{"material": 1}', "filter material is 1, it must be a text, or a list of texts"),
        ('{"material": [null]}', "filter material is [null], it must be a text"),
        ('{"material": {"a": 1}}', "it must be a text"),
        ('{"note": "x"}', 'unknown filter "note"; known are material, seats_min, seats_max'),
        ('{"base_colour": "Red"}', 'unknown filter "base_colour"'),
        ("[]", "filter is [], it must be a JSON object"),
    ],
)
def test_a_wrong_filter_gets_one_clear_error(
    connection: psycopg.Connection[Any], given: str, words: str
) -> None:
    apply_shop(connection)
    with pytest.raises(psycopg.errors.InvalidParameterValue) as caught:
        connection.execute("SELECT check_filter(%s::jsonb)", [given])
    assert words in str(caught.value)
    connection.rollback()
    with pytest.raises(psycopg.errors.InvalidParameterValue) as caught:
        connection.execute("SELECT FROM filter_items(%s::jsonb)", [given])
    assert words in str(caught.value)


def test_a_plan_for_any_filter_checks_each_of_them(connection: psycopg.Connection[Any]) -> None:
    apply_shop(connection)
    connection.execute("PREPARE listed (jsonb) AS SELECT sku FROM filter_items($1)")
    connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    assert connection.execute("EXECUTE listed(NULL)").fetchall() == []
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="it must be an integer"):
        connection.execute("""EXECUTE listed('{"seats_min": "two"}')""")


def test_sql_and_python_know_the_same_filters(connection: psycopg.Connection[Any]) -> None:
    for profile in (shop(), load_profile(DATASET)):
        apply_profile(connection, profile, drop=True)
        names = [name for (name,) in connection.execute("SELECT name FROM known_filters()")]
        assert filter_names(load_catalog(connection)) == names


def test_adding_an_attribute_keeps_the_data(connection: psycopg.Connection[Any]) -> None:
    apply_shop(connection)
    connection.execute("INSERT INTO items (item_id, sku, material) VALUES (1, 'chair', 'oak')")
    before = load_catalog(connection).version
    changes = apply_profile(connection, shop(SHOP + '[attributes.height]\ntype = "number"\n'))
    assert (changes.added, changes.dropped) == (("height",), ())
    assert load_catalog(connection).version == before + 1
    assert connection.execute("SELECT material, height FROM items").fetchall() == [("oak", None)]
    profile = stored_profile(connection)
    assert profile is not None
    assert profile.attributes[-1].name == "height"


def test_an_attribute_goes_only_when_told_to(connection: psycopg.Connection[Any]) -> None:
    apply_shop(connection)
    connection.execute("INSERT INTO items (item_id, sku, material) VALUES (1, 'chair', 'oak')")
    fewer = shop(SHOP.partition("[attributes.note]")[0])
    retyped = shop(SHOP.replace('type = "integer"', 'type = "number"'))
    for profile, lost in ((fewer, "note"), (retyped, "seats")):
        with pytest.raises(LookalikeError, match=f"another type to, {lost}: --drop"):
            apply_profile(connection, profile)
    assert apply_profile(connection, fewer, drop=True).dropped == ("note",)
    assert connection.execute("SELECT material FROM items").fetchall() == [("oak",)]


def test_a_view_over_an_attribute_keeps_it(connection: psycopg.Connection[Any]) -> None:
    apply_shop(connection)
    connection.execute("CREATE VIEW oak AS SELECT sku FROM items WHERE note = 'oak'")
    with pytest.raises(LookalikeError, match="view oak depends on column note of table items"):
        apply_profile(connection, shop(SHOP.partition("[attributes.note]")[0]), drop=True)


def test_overviews_follow(connection: psycopg.Connection[Any]) -> None:
    def views() -> set[str]:
        rows = connection.execute(
            "SELECT viewname FROM pg_views WHERE schemaname = 'public'"
        ).fetchall()
        return {name for (name,) in rows}

    assert {"colour_cohesion", "type_cohesion"} <= views()
    apply_shop(connection)
    assert "material_cohesion" in views()
    assert not {"colour_cohesion", "type_cohesion"} & views()
    connection.execute("SELECT material, items, with_photo, percent FROM category_coverage")
    connection.execute("SELECT item_id, material, neighbour_material FROM brand_neighbours")
    apply_profile(connection, shop(SHOP.partition("[attributes.material]")[0]), drop=True)
    assert "material_cohesion" not in views()
    assert connection.execute("SELECT * FROM category_coverage").fetchall() == [(0, 0, 0, None)]


def test_applying_twice_changes_nothing(connection: psycopg.Connection[Any]) -> None:
    apply_shop(connection)
    assert not apply_profile(connection, shop())
    connection.execute("CALL apply_attributes()")


def test_only_the_owner_can(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE ROLE a_guest")
    connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO a_guest")
    connection.execute("SET LOCAL ROLE a_guest")
    with pytest.raises(LookalikeError, match="only the owner"):
        apply_profile(connection, shop(), drop=True)
    connection.rollback()


def test_the_core_columns_are_the_same_in_python_and_in_sql(
    connection: psycopg.Connection[Any],
) -> None:
    ((core, columns),) = connection.execute(
        "SELECT core_columns(), ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = "
        "'items'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum)"
    ).fetchall()
    declared = load_catalog(connection).columns
    assert core == list(CORE_COLUMNS) == [name for name in columns if name not in declared]
