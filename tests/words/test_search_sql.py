"""search_items, and text_embedding beside the other functions."""

from typing import Any

import psycopg
import pytest

from tests.support.words import numbers

Connection = psycopg.Connection[Any]


def search(connection: Connection, text: str | None, *more: Any) -> list[tuple[Any, ...]]:
    places = ", ".join(["%s"] * (1 + len(more)))
    statement = f"SELECT sku, search, similarity FROM search_items({places})"
    return connection.execute(statement.encode(), [text, *more]).fetchall()


def test_names_and_looks_are_fused(shop: Connection) -> None:
    found = search(shop, "red dress", 160)
    assert len(found) == len({sku for sku, _, _ in found}) == 160
    assert {how for _, how, _ in found[:8]} == {"both"}
    assert set(numbers([sku for sku, _, _ in found[:8]])) == {(0, 0)}
    assert {how for _, how, _ in found[8:]} == {"look"}
    tail = [similarity for _, _, similarity in found[8:]]
    assert tail == sorted(tail, reverse=True)


def test_fewer_are_the_first_of_more(shop: Connection) -> None:
    every = search(shop, "green watch", 160)
    for top_n in (1, 5, 8, 9, 99, 100, 101):
        assert search(shop, "green watch", top_n) == every[:top_n]


def test_what_is_not_in_a_name_is_found_by_look(shop: Connection) -> None:
    shop.execute("UPDATE items SET product_display_name = 'Style ' || sku")
    found = search(shop, "red dress", 8)
    assert {how for _, how, _ in found} == {"look"}
    assert set(numbers([sku for sku, _, _ in found])) == {(0, 0)}
    shop.rollback()


def test_a_misspelt_text_finds_the_same_names(shop: Connection) -> None:
    assert search(shop, "rde drss", 8) == search(shop, "red dress", 8)


@pytest.mark.parametrize("text", ["S-77", " S-77 "])
def test_a_sku_comes_first(shop: Connection, text: str) -> None:
    sku, how, _ = search(shop, text, 3)[0]
    assert (sku, how) == ("S-77", "words")


def test_a_brand_comes_first(shop: Connection) -> None:
    skus = [sku for sku, _, _ in search(shop, "velmora", 80)]
    brands = shop.execute(
        "SELECT DISTINCT brand_name FROM items WHERE sku = ANY (%s)", [skus]
    ).fetchall()
    assert brands == [("Velmora",)]


def test_an_exact_name_comes_before_longer_ones_with_its_words(shop: Connection) -> None:
    shop.execute("UPDATE items SET product_display_name = 'Red dress red' WHERE sku <> 'S-5'")
    assert search(shop, "RED DRESS", 1)[0][0] == "S-5"
    shop.rollback()


def test_a_filter_leaves_as_many_as_match(shop: Connection) -> None:
    found = search(shop, "red dress", 100, '{"article_type": "watch"}')
    assert len(found) == 32
    assert {kind for _, kind in numbers([sku for sku, _, _ in found])} == {3}
    assert {colour for colour, _ in numbers([sku for sku, _, _ in found[:8]])} == {0}


@pytest.mark.parametrize(
    "text", ["qqzzxx", "👗", "'; DROP TABLE items; --", "& | ! <-> :*", "(((", "أحمر", "", None]
)
def test_unknown_words_and_signs_find_nothing_and_are_no_error(
    shop: Connection, text: str | None
) -> None:
    assert search(shop, text) == []


def test_bad_arguments_are_named(shop: Connection) -> None:
    for top_n, filter_ in ((0, "{}"), (1001, "{}"), (5, '{"colour": "red"}')):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            search(shop, "red", top_n, filter_)
        shop.rollback()


def test_a_photo_and_words_mix(shop: Connection) -> None:
    """Like this red dress, but blue."""
    found = shop.execute(
        "SELECT sku FROM similar_to((centroid(ARRAY['S-1'])::vector "
        "+ text_embedding('navy blue')::vector - text_embedding('red')::vector)::halfvec)"
    ).fetchall()
    assert {colour for colour, _ in numbers([sku for (sku,) in found])} == {1}


def test_without_words_a_search_is_by_names_alone(shop: Connection) -> None:
    shop.execute("DELETE FROM word_vectors")
    found = search(shop, "red dress", 100)
    assert [(how, similarity) for _, how, similarity in found] == [("words", None)] * 8
    shop.rollback()
