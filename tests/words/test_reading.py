"""Splitting texts into words, in SQL."""

from typing import Any

import psycopg
import pytest


def value(connection: psycopg.Connection[Any], expression: str, *values: Any) -> Any:
    row = connection.execute(f"SELECT {expression}".encode(), values).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red Floral-Dress", ["red", "floral", "dress"]),
        ("Crème T-Shirt №5", ["creme", "t", "shirt", "no5"]),
        ("GRÜNE Größe", ["grune", "große"]),
        ("Зелёное платье!", ["зеленое", "платье"]),
        ("红色连衣裙", ["红", "色", "连", "衣", "裙"]),
        ("فستان أحمر", ["فستان", "احمر"]),
        ("dress 👗❤️ red", ["dress", "red"]),
        ("a & b | !c:* <-> 'd'", ["a", "b", "c", "d"]),
        ("'; DROP TABLE items; --", ["drop", "table", "items"]),
        ("12,90 €", ["12", "90"]),
        (" \t\n", []),
        ("", []),
        (None, None),
    ],
)
def test_words_of_any_language(
    shop: psycopg.Connection[Any], text: str | None, words: list[str] | None
) -> None:
    assert value(shop, "text_words(%s)", text) == words


def test_features_are_words_and_pairs(shop: psycopg.Connection[Any]) -> None:
    found = value(shop, "text_features(text_words('navy blue navy blue shirt'))")
    assert sorted(found) == ["blue", "blue navy", "blue shirt", "navy", "navy blue", "shirt"]


def test_parts_are_patterns_that_the_word_matches(shop: psycopg.Connection[Any]) -> None:
    found = value(shop, "word_parts('dress')")
    assert sorted(found) == ["%dre%", "%ess%", "%res%", "%ss", "dr%"]
    assert value(shop, "bool_and('dress' LIKE p) FROM unnest(word_parts('dress')) AS p")


@pytest.mark.parametrize("misspelt", ["dres", "dresss", "drezs", "derss", "ddress", "ress"])
def test_a_word_with_one_edit_is_read_as_the_known_one(
    shop: psycopg.Connection[Any], misspelt: str
) -> None:
    row = shop.execute("SELECT word, read_as, known FROM read_words(%s)", [misspelt]).fetchone()
    assert row == (misspelt, "dress", "spelling")
    assert value(shop, "text_embedding(%s) = text_embedding('dress')", misspelt)


def test_an_unseen_word_is_read_by_its_letters(shop: psycopg.Connection[Any]) -> None:
    rows = shop.execute("SELECT word, known FROM read_words('sundress qqzzxx')").fetchall()
    assert rows == [("sundress", "parts"), ("qqzzxx", None)]
    assert value(shop, "1 - (text_embedding('sundress') <=> text_embedding('dress'))") > 0.5
    assert value(shop, "text_embedding('sundress qqzzxx') = text_embedding('sundress')")


@pytest.mark.parametrize("text", ["", "   ", "qqzzxx", "👗", "&|!", None])
def test_what_has_no_known_word_has_no_vector(
    shop: psycopg.Connection[Any], text: str | None
) -> None:
    assert value(shop, "text_embedding(%s)", text) is None
    assert shop.execute("SELECT * FROM similar_to(text_embedding(%s))", [text]).fetchall() == []


def test_a_vector_has_length_1_and_ignores_case_and_signs(
    shop: psycopg.Connection[Any],
) -> None:
    assert value(shop, "l2_norm(text_embedding('red dress'))") == pytest.approx(1, abs=1e-3)
    assert value(shop, "text_embedding('RED, Dress!') = text_embedding('red dress')")


def test_a_long_text_is_read_whole(shop: psycopg.Connection[Any]) -> None:
    assert value(shop, "text_embedding(repeat('x', 10000))") is None
    assert value(shop, "text_embedding(repeat('red ', 2500)) IS NOT NULL")
