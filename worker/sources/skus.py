"""Skus: the source's own ids of its products."""

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from worker.sources.values import shorten

MAX_LENGTH = 200
USABLE = re.compile(rf"[^\0-\x1f\x7f-\x9f\ud800-\udfff]{{1,{MAX_LENGTH}}}")
PLAIN = re.compile(rf"(?:[!-~]{{1,{MAX_LENGTH}}}\n)++")
PLAIN_NUMBERS = re.compile(r"(?:[1-9][0-9]{0,17}\n)++")
NUMERIC = re.compile(r"\d+(?:\.0+)?")
FLOAT = re.compile(r"(\d+)\.0+")
MAX_ID = 2**63 - 1


class SkuReader:
    """Reads the skus of a source, and remembers them to find repeated ones."""

    plain = PLAIN
    """A pattern of lines; values that match it are skus without further checks."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self._numeric: bool | None = None

    def read(self, values: Sequence[Any], lines: Sequence[int]) -> tuple[list[str], dict[int, str]]:
        """Return the skus of some rows, and by index the reasons why rows are rejected.

        Args:
            values: the source's value for each row.
            lines: the line of each row.
        """
        skus: list[str] = []
        reasons: dict[int, str] = {}
        if self._numeric is None:
            self._numeric = _are_numeric(values)
        seen = self._lines
        size = len(seen)
        plain = PLAIN_NUMBERS if self._numeric else self.plain
        if _are_lines(values, plain):
            new = dict(zip(values, lines, strict=True))
            if len(new) == len(values) and seen.keys().isdisjoint(new):
                seen.update(new)
                return list(values), reasons  # the usual frame, checked as a whole
        for index, (value, line) in enumerate(zip(values, lines, strict=True)):
            if _are_lines([value], plain):
                sku = value
            else:
                try:
                    sku = self.sku(value)
                except ValueError as error:
                    reasons[index] = str(error)
                    skus.append("")
                    continue
            skus.append(sku)
            first = seen.setdefault(sku, line)
            if len(seen) == size:  # comparing lines would miss two rows on one line
                reasons[index] = self.repeated(sku, first)
            size = len(seen)
        return skus, reasons

    def sku(self, value: Any) -> str:
        """Return a value as a sku.

        Raises:
            ValueError: it can't be a sku; the text says why.
        """
        text = value.strip() if isinstance(value, str) else _as_text(value)
        if self._numeric and (written := FLOAT.fullmatch(text)):
            text = written[1]  # pandas writes a column of integers with missing values so
        if USABLE.fullmatch(text):
            return text
        if not text:
            raise ValueError("the sku is empty")
        if len(text) > MAX_LENGTH:
            raise ValueError(f"the sku {shorten(text)} has more than {MAX_LENGTH} characters")
        raise ValueError(f"the sku {shorten(text)} holds a control character")

    def repeated(self, sku: str, line: int) -> str:
        """Return the reason for rejecting a repeated sku."""
        return f"sku {shorten(sku)} stands on line {line} already"


class IdReader(SkuReader):
    """Reads the ids of the dataset: positive 64-bit integers."""

    plain = PLAIN_NUMBERS

    def sku(self, value: Any) -> str:
        """Return a value as an id in decimal digits.

        Raises:
            ValueError: it is not a positive 64-bit integer.
        """
        text = (value or "").strip()
        if written := FLOAT.fullmatch(text):
            text = written[1]
        usable = text.isdigit() and text.isascii() and len(text) <= 20
        if usable and 0 < (item_id := int(text)) <= MAX_ID:
            return str(item_id)
        raise ValueError(f"id {shorten(text)} is not a positive 64-bit integer")

    def repeated(self, sku: str, line: int) -> str:
        """Return the reason for rejecting a repeated id."""
        return f"id {sku} stands on line {line} already"


def _are_lines(values: Sequence[Any], lines: re.Pattern[str]) -> bool:
    """Return whether all values match a pattern of lines: at once, since one by one is slow."""
    if set(map(type, values)) != {str}:
        return False
    text = "\n".join(values) + "\n"
    return text.count("\n") == len(values) and lines.fullmatch(text) is not None


def _are_numeric(values: Sequence[Any]) -> bool:
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    return bool(texts) and all(map(NUMERIC.fullmatch, texts))


def _as_text(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        raise ValueError(f"the sku is {value}, which is not an id")
    if isinstance(value, float | Decimal):
        whole = math.isfinite(value) and value == int(value) and -MAX_ID < value < MAX_ID
        return str(int(value)) if whole else str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 10**MAX_LENGTH else "9" * (MAX_LENGTH + 1)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode(errors="replace")
    raise ValueError(f"the sku {shorten(value)} is not a text")
