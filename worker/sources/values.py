"""Parsers from what a source contains to values of the declared types.

Each takes any value of a file or a database, returns None for an empty one, and raises ValueError
with the reason for one that isn't of its type.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from app.catalog.profile import AttributeType

MAX_TEXT_BYTES = 2000
"""A B-tree index of Postgres takes up to 2,704 bytes."""

MAX_DIGITS = 40
BIGINT = range(-(2**63), 2**63)
UNUSABLE = re.compile("[\0\ud800-\udfff]")
MISSING = frozenset({"nan", "null", "none", "n/a", "nat", "<na>"})
"""Words for a missing value, in columns of any type but text."""

SIMPLE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
INTEGER = re.compile(r"([+-]?\d+)(?:\.0*)?")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+|(?:[ '’\u00a0\u202f]\d{3})+|(?:\.\d{3}){2,})")
DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
YEAR_FIRST = re.compile(r"^(\d{4})[/.](\d{2})[/.](\d{2})(?!\d)")
SEPARATORS = "|;,\n"

BOOLEANS = {
    **dict.fromkeys(("true", "yes", "y", "t", "1", "1.0", "on", "ja", "oui", "si", "sí"), True),
    **dict.fromkeys(("false", "no", "n", "f", "0", "0.0", "off", "nein", "non"), False),
    **dict.fromkeys(("in stock", "instock", "available", "preorder", "backorder"), True),
    **dict.fromkeys(("onbackorder", "limited availability", "limitedavailability"), True),
    **dict.fromkeys(("pre order", "back order", "active"), True),
    **dict.fromkeys(("out of stock", "outofstock", "unavailable", "not available"), False),
    **dict.fromkeys(("sold out", "soldout", "discontinued", "inactive"), False),
    **dict.fromkeys(("auf lager", "lieferbar", "sofort lieferbar", "verfügbar", "vorrätig"), True),
    **dict.fromkeys(
        ("nicht auf lager", "nicht lieferbar", "nicht verfügbar", "ausverkauft"), False
    ),
    **dict.fromkeys(("en stock", "disponible", "disponibile", "op voorraad"), True),
    **dict.fromkeys(("indisponible", "non disponible", "no disponible", "non disponibile"), False),
    **dict.fromkeys(("rupture de stock", "en rupture", "épuisé", "agotado", "esaurito"), False),
    **dict.fromkeys(("niet op voorraad", "uitverkocht", "在庫なし", "売り切れ", "なし"), False),
    **dict.fromkeys(("在庫あり", "あり"), True),
    **dict.fromkeys(("tak", "dostępny", "dostępna", "w magazynie", "i lager", "skladem"), True),
    **dict.fromkeys(("nie", "niedostępny", "niedostępna", "brak", "slut i lager"), False),
    **dict.fromkeys(("да", "есть", "в наличии"), True),
    **dict.fromkeys(("нет", "нет в наличии"), False),
}
"""Words for true and false. Products for preorder or backorder are available."""

Parser = Callable[[Any], Any]


def parse_text(value: Any) -> str | None:
    """Return a text, stripped."""
    if isinstance(value, str):
        text = value.strip()
    elif value is None:
        return None
    else:
        text = _as_text(value)
    if not text:
        return None
    if len(text) * 4 > MAX_TEXT_BYTES or not text.isascii() or "\0" in text:
        _require_storable(text)
    return text


def strip_texts(values: Sequence[Any]) -> list[str | None] | None:
    """Return what `parse_text` makes of texts, faster; None if some have to be checked."""
    if None in values:
        return None
    texts = list(map(str.strip, values))
    if UNUSABLE.search("".join(texts)) or max(map(len, texts)) * 4 > MAX_TEXT_BYTES:
        return None
    return [text or None for text in texts]


def parse_integer(value: Any) -> int | None:
    """Return an integer in the range of Postgres's bigint, from 42, "42", "42.0" or "1,234"."""
    if isinstance(value, bool):
        raise ValueError(f"{value} is not an integer")
    if isinstance(value, int):
        number = value
    elif isinstance(value, float | Decimal):
        if _is_nan(value):
            return None
        if not math.isfinite(value) or value != int(value):
            raise ValueError(f"{shorten(value)} is not an integer")
        number = int(value)
    else:
        text = _plain(value)
        if text is None:
            return None
        number = _integer(text)
    if number not in BIGINT:
        raise ValueError("the number is too large")
    return number


def parse_decimal(value: Any) -> Decimal | None:
    """Return a number, exactly as written."""
    if isinstance(value, str) and SIMPLE.fullmatch(value):
        return Decimal(value)
    return _decimal(value, money=False)


def parse_price(value: Any) -> Decimal | None:
    """Return a price; a currency before or after it is dropped."""
    if isinstance(value, str) and SIMPLE.fullmatch(value):
        return Decimal(value)
    price = _decimal(value, money=True)
    if price is not None and price < 0:
        raise ValueError(f"{shorten(value)} is a negative price")
    return price


def parse_discount(value: Any) -> Decimal | None:
    """Return a price after a discount; 0 is how many shops write that there is none."""
    return parse_price(value) or None


def parse_boolean(value: Any) -> bool | None:
    """Return a boolean: true and false, yes and no, 1 and 0, in stock and out of stock."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        if _is_nan(value):
            return None
        if value in (0, 1):
            return bool(value)
        raise ValueError(f"{shorten(value)} is neither true nor false")
    text = _plain(value)
    if text is None:
        return None
    found = BOOLEANS.get(text.lower().replace("_", " ").replace("-", " "))
    if found is None:
        raise ValueError(f"{shorten(text)} is neither true nor false")
    return found


def parse_available(value: Any) -> bool | None:
    """Return whether a product is in stock, from a boolean's words or the number in stock.

    With a list, one for each variant, it is if any of them is.
    """
    if isinstance(value, list):
        each = [parsed for item in value if (parsed := parse_available(item)) is not None]
        return any(each) if each else None
    try:
        return parse_boolean(value)
    except ValueError:
        if isinstance(value, str) and "://" in value:  # schema.org uses URLs
            return parse_boolean(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", value.rpartition("/")[2]))
        try:
            count = parse_decimal(value)
        except ValueError:
            raise ValueError(
                f"{shorten(value)} is neither a known availability nor a number in stock"
            ) from None
        return None if count is None else count > 0


def parse_date(value: Any) -> date | None:
    """Return a date, from an ISO date or time, or from day.month.year."""
    if isinstance(value, datetime):
        return None if value != value else value.date()  # pandas' NaT is a datetime
    if isinstance(value, date):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    text = _plain(value) if value is None or isinstance(value, str) else str(value)
    if text is None:
        return None
    try:
        if written := DAY_FIRST.fullmatch(text):
            day, month, year = map(int, written.groups())
            return date(year, month, day)
        return _iso_date(text)
    except ValueError:
        raise ValueError(f"{shorten(text)} is not a date: write it as 2026-03-31") from None


def parse_list(value: Any) -> list[str] | None:
    """Return texts, from a list, a JSON list, or a text with the separators `|`, `;` or `,`."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    pieces = value if isinstance(value, list | tuple) else split_list(str(value))
    texts = dict.fromkeys(text for piece in pieces if (text := parse_text(piece)) is not None)
    return list(texts) or None


def split_list(text: str) -> list[Any]:
    """Split a text at its first kind of separator, or as a JSON list."""
    if text.lstrip().startswith("["):
        try:
            pieces = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            return pieces if isinstance(pieces, list) else [text]
    separator = next((each for each in SEPARATORS if each in text), None)
    return [text] if separator is None else text.split(separator)


PARSERS: dict[AttributeType, Parser] = {
    "text": parse_text,
    "integer": parse_integer,
    "number": parse_decimal,
    "boolean": parse_boolean,
    "date": parse_date,
    "text[]": parse_list,
}


def shorten(value: Any, length: int = 40) -> str:
    """Return a value in quotes, cut to a length, for messages."""
    try:
        text = str(value)
    except ValueError:  # an integer of thousands of digits
        return "the number"
    return repr(text if len(text) <= length else f"{text[: length - 1]}…")


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
    if isinstance(value, int):
        if abs(value) >= 10**1000:
            raise ValueError("the number is too large")
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat() if value == value else ""
    if isinstance(value, Decimal):
        return "" if value.is_nan() else str(value)
    if isinstance(value, UUID):
        return str(value)
    raise ValueError(f"{shorten(value)} is not a text")


def _require_storable(text: str) -> None:
    if UNUSABLE.search(text):
        unit = "a NUL character" if "\0" in text else "half a Unicode character"
        raise ValueError(f"the text holds {unit}")
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"the text is longer than {MAX_TEXT_BYTES:,} bytes")


def _is_nan(value: float | Decimal) -> bool:
    # An integer may be too large for math.isnan.
    return value.is_nan() if isinstance(value, Decimal) else value != value


def _plain(value: Any) -> str | None:
    """Return the text of a value of another type than text, None if it is missing."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{shorten(value)} is of another type")
    text = value.strip()
    return None if not text or text.lower() in MISSING else text


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"{shorten(text)} is not an integer")
    written = INTEGER.fullmatch(text)
    if written is None and THOUSANDS.fullmatch(text):
        return int(re.sub(r"[^\d+-]", "", text))
    if written is None:
        raise ValueError(f"{shorten(text)} is not an integer")
    return int(written[1])


def _decimal(value: Any, *, money: bool) -> Decimal | None:
    if isinstance(value, bool):
        raise ValueError(f"{value} is not a number")
    if isinstance(value, int | float | Decimal):
        if _is_nan(value):
            return None
        try:
            text = str(value)
        except ValueError:
            raise ValueError("the number is too large") from None
        return parse_number(text, money=False)
    if money and isinstance(value, str) and value.strip().lower() == "nan":
        raise ValueError("'NaN' is not a price")
    found = _plain(value)
    return None if found is None else parse_number(found, money=money)


def _iso_date(text: str) -> date:
    text = YEAR_FIRST.sub(r"\1-\2-\3", text, count=1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text).date()


PLAIN_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?")
MONEY = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[^\d.,+\-\s]{0,6}\.?)\s*"
    r"(?P<number>[+-]?\d[\d.,'’\s]*?)(?:[.,][-–]+)?\s*(?P<after>[^\d,+\-\s]{0,6})"
)
SPACES = re.compile(r"(?<=\d)['’\s](?=\d{3}(?!\d))")
CURRENCIES = frozenset(
    "kr kr. zł kč ft lei fr fr. sfr rs rs. rp tl 円 元 원".split()  # noqa: SIM905
)
THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
LONGEST = 100
"""Most characters of a number."""

LARGEST = 30
"""Most digits of a number before its decimal point, and after it."""


def parse_number(text: str, *, money: bool) -> Decimal:
    """Return a number, exactly as written; prices as in 1.299,00 €, $12, 12 EUR or 1,299.00.

    Args:
        text: stripped.
        money: whether it is a price, which may have a currency.

    Raises:
        ValueError: it is not a number; the text says so.
    """
    if len(text) > LONGEST:
        if text.isdigit():
            raise _too_long()
        raise _no_number(text, money)
    if PLAIN_DECIMAL.fullmatch(text):
        return _limited(text, text)
    currency = ""
    number = text
    if money:
        parts = MONEY.fullmatch(text)
        if parts is None:
            raise _no_number(text, money)
        currency = parts["before"] + parts["after"]
        if currency and not _is_currency(currency):
            raise _no_number(text, money)
        number = parts["sign"] + parts["number"].rstrip(".,")
    digits = _with_point(SPACES.sub("", number), currency)
    if not PLAIN_DECIMAL.fullmatch(digits):
        raise _no_number(text, money)
    return _limited(digits, text)


def _with_point(number: str, currency: str) -> str:
    """Return a number with a decimal point and no other separator."""
    comma, point = number.rfind(","), number.rfind(".")
    if comma >= 0 and point >= 0:
        return _grouped(number, *(",." if point > comma else ".,"))
    separator = "," if comma >= 0 else "."
    if number.count(separator) > 1:
        return _grouped(number, separator, "")
    whole, _, decimals = number.partition(separator)
    if len(decimals) == 3 and 1 <= len(whole.lstrip("+-")) <= 3 and not whole.endswith("0" * 3):
        # 1,299 is a thousand in English; 1.299 is a thousand for money, else a decimal number.
        grouped = separator == "," or (currency and currency.upper() not in THREE_DECIMALS)
        if grouped and whole.lstrip("+-") != "0":
            return whole + decimals
    return f"{whole}.{decimals}" if decimals else whole


def _grouped(number: str, thousands: str, point: str) -> str:
    whole, _, decimals = number.partition(point) if point else (number, "", "")
    first, *others = whole.split(thousands)
    sizes = {len(group) for group in others[:-1]}
    # In India, groups before the last have two digits: 1,29,900.
    if (
        len(first.lstrip("+-")) > 3
        or not others
        or len(others[-1]) != 3
        or sizes not in (set(), {3}, {2})
    ):
        return ""
    return f"{first}{''.join(others)}" + (f".{decimals}" if decimals else "")


def _is_currency(word: str) -> bool:
    if len(word) == 3 and word.isascii() and word.isalpha():
        return True
    if word.lower() in CURRENCIES:
        return True
    return len(word) <= 4 and any(unicodedata.category(letter) == "Sc" for letter in word)


def _limited(digits: str, text: str) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise _no_number(text, False) from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or number.adjusted() >= LARGEST or exponent < -LARGEST:
        raise _too_long()
    return number


def _too_long() -> ValueError:
    return ValueError(f"the number has more than {LARGEST} digits before or behind the point")


def _no_number(text: str, money: bool) -> ValueError:
    shown = text if len(text) <= 40 else f"{text[:39]}…"
    return ValueError(f"{shown!r} is not a {'price' if money else 'number'}")
