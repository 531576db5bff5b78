"""Values of every type, as catalogs write them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.sources.mapping import parse_column
from worker.sources.values import (
    PARSERS,
    parse_available,
    parse_boolean,
    parse_date,
    parse_decimal,
    parse_discount,
    parse_integer,
    parse_list,
    parse_price,
    parse_text,
)


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("12", "12"),
        ("12.50", "12.50"),
        (" 12.5 ", "12.5"),
        (".5", "0.5"),
        ("1.299,00 €", "1299.00"),
        ("1.299 €", "1299"),
        ("1.299.000,50", "1299000.50"),
        ("1,299.00", "1299.00"),
        ("1,299", "1299"),
        ("12,50", "12.50"),
        ("12,5 €", "12.5"),
        ("1 299,00 zł", "1299.00"),
        ("1\u00a0299,00\u00a0€", "1299.00"),
        ("CHF 1'299.00", "1299.00"),
        ("CHF 12.-", "12"),
        ("12,- €", "12"),
        ("$12", "12"),
        ("US$12.99", "12.99"),
        ("12 EUR", "12"),
        ("EUR 12.00", "12.00"),
        ("₹1,29,900.00", "129900.00"),
        ("£0.999", "0.999"),
        ("1.299", "1.299"),
        ("12.500 KWD", "12.500"),
        ("¥1,200", "1200"),
        ("1,200円", "1200"),
        (12, "12"),
        (12.5, "12.5"),
        (Decimal("7.10"), "7.10"),
        (1e-7, "1E-7"),
    ],
)
def test_prices(written: Any, price: str) -> None:
    assert parse_price(written) == Decimal(price)


@pytest.mark.parametrize(
    "written",
    [
        *("NaN", "free", "12 - 15", "ask us", "1,2,3", "12.34.56", "1e400", "12 apples"),
        *(float("inf"), True, [1], {"amount": 12}, "-5", -5, "١٢ريال٣"),
        pytest.param("9" * 310, id="310 digits"),
        pytest.param(10**310, id="10^310"),
        pytest.param(10**5000, id="huge"),
        pytest.param("1" * 200_000, id="200,000 digits"),
    ],
)
def test_what_is_no_price_says_so(written: Any) -> None:
    with pytest.raises(ValueError, match=r"price|number|digits|type|large"):
        parse_price(written)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("42", 42),
        ("42.0", 42),
        ("-7", -7),
        ("1,234", 1234),
        ("1 234", 1234),
        ("1.234.567", 1234567),
        ("nan", None),
        ("NULL", None),
        ("", None),
        (None, None),
        (42.0, 42),
        (float("nan"), None),
        (Decimal("42"), 42),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_integers(written: Any, number: int | None) -> None:
    assert parse_integer(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "soon",
        "1.5",
        1.5,
        "1.234",
        True,
        2**63,
        pytest.param("9" * 5000, id="5,000 digits"),
        float("inf"),
        1e300,
        [1],
        "²",
    ],
)
def test_what_is_no_integer_says_so(written: Any) -> None:
    with pytest.raises(ValueError, match=r"integer|large|type"):
        parse_integer(written)


@pytest.mark.parametrize(
    ("written", "number"), [("1.299", "1.299"), ("-2,5", "-2.5"), (3, "3"), ("1e3", "1000")]
)
def test_numbers(written: Any, number: str) -> None:
    assert parse_decimal(written) == Decimal(number)
    with pytest.raises(ValueError, match="is not a number"):
        parse_decimal(f"{written} kg")


@pytest.mark.parametrize(
    ("written", "boolean"),
    [
        *((word, True) for word in ("true", "YES", "y", "t", "1", 1, True, "In stock", "in_stock")),
        *((word, False) for word in ("False", "no", "N", "f", "0", 0, False, "out_of_stock")),
        *((word, None) for word in ("", None, float("nan"), "NaN")),
    ],
)
def test_booleans(written: Any, boolean: bool | None) -> None:
    assert parse_boolean(written) is boolean


@pytest.mark.parametrize(
    ("written", "available"),
    [
        ("in stock", True),
        ("preorder", True),
        ("backorder", True),
        ("https://schema.org/InStock", True),
        ("http://schema.org/OutOfStock", False),
        ("out of stock", False),
        ("sold-out", False),
        ("sofort lieferbar", True),
        ("Ausverkauft", False),
        ("Épuisé", False),
        ("在庫あり", True),
        ("17", True),
        (17, True),
        ("0", False),
        (-3, False),
        (0.0, False),
        ("", None),
    ],
)
def test_availability_is_a_word_or_a_number_in_stock(written: Any, available: bool | None) -> None:
    assert parse_available(written) is available


def test_a_discounted_price_of_nothing_is_none() -> None:
    assert parse_discount("12,50 €") == Decimal("12.50")
    assert parse_discount("0.00") is None
    assert parse_price("0.00") == 0


def test_a_product_is_available_if_a_variant_is() -> None:
    assert parse_available([False, None, True]) is True
    assert parse_available(["sold out", 0]) is False
    assert parse_available([None]) is parse_available([]) is None


@pytest.mark.parametrize("written", ["maybe", "next week", {}, ["maybe"], "2024-01-01"])
def test_what_says_nothing_of_availability_says_so(written: Any) -> None:
    with pytest.raises(ValueError, match="neither"):
        parse_available(written)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-31", "2026-03-31T23:10:00Z", "2026-03-31 10:00:00+02:00", "20260331", "31.3.2026",
        "2026/03/31", "2026/03/31 10:00",
        date(2026, 3, 31), datetime(2026, 3, 31, 12, tzinfo=UTC),
    ],
)  # fmt: skip
def test_dates(written: Any) -> None:
    assert parse_date(written) == date(2026, 3, 31)


@pytest.mark.parametrize("written", ["soon", "2026-02-30", "31/03/2026", "32.1.2026", 12.5, [1]])
def test_what_is_no_date_says_so(written: Any) -> None:
    with pytest.raises(ValueError, match="is not a date: write it as 2026-03-31"):
        parse_date(written)


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        ("oak", ["oak"]),
        ("oak, steel,oak", ["oak", "steel"]),
        ("oak; steel, black", ["oak", "steel, black"]),
        ("oak|steel; black", ["oak", "steel; black"]),
        ('["oak", "steel, black"]', ["oak", "steel, black"]),
        ("[oak", ["[oak"]),
        (["oak", None, " steel ", 5], ["oak", "steel", "5"]),
        ("", None),
        ([], None),
        (None, None),
    ],
)
def test_lists(written: Any, texts: list[str] | None) -> None:
    assert parse_list(written) == texts


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (" Oak ", "Oak"),
        ("NA", "NA"),
        (5, "5"),
        (5.0, "5"),
        (5.25, "5.25"),
        (True, "true"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 3, 31), "2026-03-31"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (float("nan"), None),
        ("   ", None),
    ],
)
def test_texts(written: Any, text: str | None) -> None:
    assert parse_text(written) == text


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("a\0b", "a NUL character"),
        ("a\ud800b", "half a Unicode character"),
        ("é" * 1001, "longer than 2,000 bytes"),
        ({"a": 1}, "is not a text"),
        pytest.param(10**5000, "too large", id="huge"),
    ],
)
def test_what_can_not_be_stored_as_a_text_says_so(written: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_text(written)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.dates()
    | st.from_regex(r"\A[-+$€]?[0-9.,' ]{0,12}( ?[A-Z]{3})?\Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize("parse", [*PARSERS.values(), parse_price, parse_available])
@settings(derandomize=True, deadline=None)
@given(ANYTHING)
def test_any_value_is_parsed_or_refused_in_words(parse: Any, value: Any) -> None:
    try:
        parse(value)
    except ValueError as error:
        reason = str(error)
    else:
        return
    assert 0 < len(reason) < 200


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(st.text(), st.none(), st.sampled_from(["x" * 501, "ä" * 1001, "\0", "\ud800"]))
    )
)
def test_a_column_of_texts_is_parsed_as_each_of_them(values: list[str | None]) -> None:
    values = ["first ", "Ümlaut\u2003", *values, *(f"{at} " for at in range(100))]
    found, bad = parse_column(values, parse_text, texts=True)
    for at, value in enumerate(values):
        try:
            expected, reason = parse_text(value), None
        except ValueError as error:
            expected, reason = None, str(error)
        assert (found[at], bad.get(at)) == (expected, reason)
