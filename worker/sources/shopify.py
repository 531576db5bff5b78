"""Shopify product exports: CSV with a row for each variant and image of a product."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from app.catalog.profile import Source
from worker.sources.delimited import DelimitedTable, Records
from worker.sources.files import SourceFile
from worker.sources.interfaces import ROWS, Frame, Reject
from worker.sources.values import parse_boolean, parse_decimal

PRICE, COMPARE = "Variant Price", "Variant Compare At Price"
IMAGE, POSITION = "Image Src", "Image Position"
LIST_PRICE, SALE_PRICE, AVAILABLE = "(list price)", "(sale price)", "(available)"
"""Names of the columns that are derived from several others."""

Row = dict[str, str]


class ProductFrame(Frame):
    """Products, each with one or several rows."""

    def __init__(self, products: list["_Product"], rejects: list[Reject]) -> None:
        super().__init__([each.line for each in products], rejects)
        self._products = products
        self._derived = {
            LIST_PRICE: lambda each: each.prices()[0],
            SALE_PRICE: lambda each: each.prices()[1],
            AVAILABLE: lambda each: each.is_available(),
        }

    def column(self, name: str, *, many: bool = False) -> Sequence[Any]:
        """Return each product's first value, or with `many` its distinct values."""
        if name in self._derived:
            return [self._derived[name](each) for each in self._products]
        if name == IMAGE and many:
            return [each.images() for each in self._products]
        if many:
            return [each.values(name) for each in self._products]
        return [each.first(name) for each in self._products]

    def raw(self, index: int) -> str:
        """Return a product's rows as JSON."""
        return json.dumps(self._products[index].rows, ensure_ascii=False)


class ShopifyTable(DelimitedTable):
    """A product export. See `Table`."""

    def __init__(self, file: SourceFile, sku: str, encoding: str = "utf-8") -> None:
        super().__init__(file, encoding=encoding)
        self._sku = sku
        self.notes.append(f"the rows of one {sku} are one product, its variants and images")

    def has(self, column: str) -> bool:
        """Return whether there is a column, derived ones included."""
        return column in (LIST_PRICE, SALE_PRICE, AVAILABLE) or super().has(column)

    def size(self) -> int | None:
        """Return None: there are fewer products than rows."""
        return None

    def frames(self) -> Iterator[Frame]:
        """Read all products."""
        waiting: list[tuple[int, Row]] = []
        for records in self._records():
            waiting += self._rows(records)
            rejects = [Reject(*each) for each in records.broken]
            products = self._group(waiting)
            # The next records may belong to the last product.
            waiting = [] if not products else list(products.pop().numbered())
            for at in range(0, max(len(products), 1), ROWS):
                yield ProductFrame(products[at : at + ROWS], rejects if at == 0 else [])
        if waiting:
            yield ProductFrame(self._group(waiting), [])

    def _rows(self, records: Records) -> list[tuple[int, Row]]:
        names = self._width_names
        return [
            # Reversed, so that the first of two columns with the same name wins.
            (line, dict(zip(reversed(names), reversed(fields[: len(names)]), strict=True)))
            for line, fields in zip(records.lines, records.fields, strict=True)
        ]

    def _group(self, rows: list[tuple[int, Row]]) -> list["_Product"]:
        groups = groupby(rows, key=lambda row: row[1].get(self._sku, "").strip())
        products = []
        for sku, group in groups:
            members = list(group)
            # Rows without a sku don't belong together: each becomes a reject.
            parts = [members] if sku else [[each] for each in members]
            products += [_Product([n for n, _ in part], [row for _, row in part]) for part in parts]
        return products


class _Product:
    """The rows of one product."""

    def __init__(self, lines: list[int], rows: list[Row]) -> None:
        self.lines = lines
        self.line = lines[0]
        self.rows = rows

    def numbered(self) -> Iterator[tuple[int, Row]]:
        """Return the rows with their lines."""
        return zip(self.lines, self.rows, strict=True)

    def first(self, name: str) -> str | None:
        """Return the first value that isn't empty."""
        return next((found for row in self.rows if (found := row.get(name, "").strip())), None)

    def values(self, name: str) -> list[str] | str | None:
        """Return the distinct values; a single one not in a list, since its text may be a list."""
        texts = (row.get(name, "").strip() for row in self.rows)
        found = list(dict.fromkeys(text for text in texts if text))
        return found[0] if len(found) == 1 else found or None

    def images(self) -> list[str]:
        """Return the images by position, followed by the variants' images."""
        placed = [
            (_position(row.get(POSITION, ""), at), row[IMAGE])
            for at, row in enumerate(self.rows, start=1)
            if row.get(IMAGE, "").strip()
        ]
        found = [image for _, image in sorted(placed, key=lambda each: each[0])]
        return found + [image for row in self.rows if (image := row.get("Variant Image", ""))]

    def prices(self) -> tuple[str | None, str | None]:
        """Return the list price and the sale price of the first variant that has a price."""
        row = next((row for row in self.rows if row.get(PRICE, "").strip()), {})
        price, compare = row.get(PRICE), row.get(COMPARE)
        before = _number(compare)
        now = _number(price)
        if before is not None and now is not None and before > now:
            return compare, price
        return price, None

    def is_available(self) -> bool | None:
        """Return whether the product is published and at least one variant can be bought."""
        status = (self.first("Status") or "active").lower()
        if status != "active" or _is_false(self.first("Published")):
            return False
        variants = [row for row in self.rows if row.get(PRICE, "").strip()] or self.rows[:1]
        return any(map(_can_be_bought, variants))


def with_derived(source: Source, table: ShopifyTable) -> Source:
    """Return a profile's `[source]` with derived columns in place of their origins."""
    changes: dict[str, str] = {}
    if source.price == PRICE and source.discounted_price is None and table.has(COMPARE):
        changes |= {"price": LIST_PRICE, "discounted_price": SALE_PRICE}
    if source.available is None:
        changes["available"] = AVAILABLE
    return source.model_copy(update=changes)


def _can_be_bought(row: Row) -> bool:
    count = _number(row.get("Variant Inventory Qty"))
    if count is None or count > 0:
        return True
    if row.get("Variant Inventory Policy", "").strip().lower() == "continue":
        return True
    return "Variant Inventory Tracker" in row and not row["Variant Inventory Tracker"].strip()


def _number(text: str | None) -> Decimal | None:
    try:
        return parse_decimal(text)
    except ValueError:
        return None


def _position(text: str, otherwise: int) -> Decimal:
    found = _number(text)
    return Decimal(otherwise) if found is None else found


def _is_false(text: str | None) -> bool:
    try:
        return parse_boolean(text) is False
    except ValueError:
        return False
