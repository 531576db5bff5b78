"""Numbers and prices as people write them: 1.299,00 €, $12, 12 EUR, 1,299.00."""

import re
import unicodedata
from decimal import Decimal, InvalidOperation

PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?")
MONEY = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[^\d.,+\-\s]{0,6}\.?)\s*"
    r"(?P<number>[+-]?\d[\d.,'’\s]*?)(?:[.,][-–]+)?\s*(?P<after>[^\d,+\-\s]{0,6})"
)
SPACES = re.compile(r"(?<=\d)['’\s](?=\d{3}(?!\d))")
CURRENCIES = frozenset(
    {"kr", "kr.", "zł", "kč", "ft", "lei", "fr", "fr.", "sfr", "rs", "rs.", "rp"}
)
THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
LONGEST = 100
"""Characters of a number that are looked at."""

LARGEST = 30
"""Digits before the point, and behind it, that a number may have."""


def parse_number(text: str, *, money: bool) -> Decimal:
    """Return a number, exactly as it is written.

    Args:
        text: without blanks around it.
        money: whether it is a price, which may have a currency.

    Raises:
        ValueError: it is none; the text says so.
    """
    if len(text) > LONGEST:
        if text.isdigit():
            raise _too_long()
        raise _no_number(text, money)
    if PLAIN.fullmatch(text):
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
    if not PLAIN.fullmatch(digits):
        raise _no_number(text, money)
    return _limited(digits, text)


def _with_point(number: str, currency: str) -> str:
    """Return a number with a point before its decimals, and no other separator."""
    comma, point = number.rfind(","), number.rfind(".")
    if comma >= 0 and point >= 0:
        return _grouped(number, *(",." if point > comma else ".,"))
    separator = "," if comma >= 0 else "."
    if number.count(separator) > 1:
        return _grouped(number, separator, "")
    whole, _, decimals = number.partition(separator)
    if len(decimals) == 3 and 1 <= len(whole.lstrip("+-")) <= 3 and not whole.endswith("0" * 3):
        # 1,299 is an English thousand; 1.299 is one where it is money, else a decimal number.
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
    return ValueError(f"{shown!r} is no {'price' if money else 'number'}")
