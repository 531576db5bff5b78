"""Inspecting a source: recognise its format and columns, and propose a profile as TOML."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from app.catalog.profile import FORMAT_COLUMNS, Profile, parse_profile
from app.errors import LookalikeError
from worker.sources.delimited import DelimitedTable
from worker.sources.files import MARKS, SourceFile, is_database, is_xml, likely_encodings
from worker.sources.google_merchant import MerchantTable, XmlTable, canonical
from worker.sources.guessing import (
    Columns,
    Guess,
    guess_attributes,
    guess_core,
    guess_more_photos,
    readable,
)
from worker.sources.interfaces import Frame, ProductSource, Table
from worker.sources.json_lines import JsonTable
from worker.sources.nested import open_objects
from worker.sources.opening import (
    default_profile,
    map_table,
    open_source,
)
from worker.sources.shopify import ShopifyTable
from worker.sources.values import shorten

ROWS = 10_000
"""Rows to inspect."""

SAMPLES = 3

MERCHANT_HEADER = {"id", "title", "link", "image_link", "availability"}
SHOPIFY_HEADER = {"Handle", "Image Src"}


@dataclass
class Inspection:
    """What was recognised in a source."""

    name: str
    format: str
    recognised: dict[str, str]
    """Columns by the field of `[source]` that they are."""
    more_photos: list[str]
    """Columns with further photos."""
    attributes: list[Guess]
    left: dict[str, str]
    """Why each of the other columns is not an attribute."""
    samples: list[dict[str, Any]]
    """The first products, as an ingest would store them."""
    profile_text: str
    """A profile for the source, as TOML."""
    rows: int = 0
    """Rows that were looked at."""
    settings: dict[str, str] = field(default_factory=dict)
    """What else the profile says of the file: its encoding, its delimiter."""
    notes: list[str] = field(default_factory=list)


def inspect_source(source: str, *, query: str | None = None) -> Inspection:
    """Inspect the first rows of a source, and propose a profile.

    Args:
        source: as for `open_source`.
        query: the SELECT, for a database.

    Raises:
        LookalikeError: the source can't be read, or no column can be the sku.
    """
    profile = default_profile(source)
    if profile is not None:
        return _inspect_dataset(source, profile)
    kind, table, settings = _recognise(source, query)
    columns, rows = _first_rows(table)
    core = _core(kind, table, columns)
    if "sku" not in core:
        raise LookalikeError(
            f"{table.name}: no column is an id of products, with a value of its own in each row; "
            f"its columns are: {shorten(', '.join(table.columns), 300)[1:-1]}"
        )
    more_photos = guess_more_photos(columns, core)
    used = [*core.values(), *more_photos, *_uninteresting(kind, table.columns)]
    attributes, left = guess_attributes(columns, used)
    core.pop("more_photos", None)
    text = profile_text(kind, core, more_photos, attributes, left, settings, table.name, query)
    profile = parse_profile(text, "the proposed profile")
    return Inspection(
        name=table.name,
        format=kind,
        recognised=core,
        more_photos=more_photos,
        attributes=attributes,
        left=left,
        samples=_samples(map_table(table, profile), profile),
        profile_text=text,
        rows=rows,
        settings=settings,
        notes=table.notes,
    )


def _inspect_dataset(source: str, profile: Profile) -> Inspection:
    core = profile.source.model_dump(
        exclude_none=True, exclude={"format", "encoding", "more_photos"}
    )
    return Inspection(
        name=source,
        format="dataset",
        recognised=core,
        more_photos=list(profile.source.more_photos),
        attributes=[Guess(a.name, a.column, a.type, a.facet, 0) for a in profile.attributes],
        left={},
        samples=_samples(open_source(source, profile), profile),
        profile_text=profile.text,
    )


def _recognise(source: str, query: str | None) -> tuple[str, Table, dict[str, str]]:
    """Return a source's format, its table, and further settings that the profile needs."""
    if is_database(source):
        from worker.sources.databases import QueryTable  # SQLAlchemy is slow to import

        return "sql", QueryTable(source, query), {}
    if query is not None:
        raise LookalikeError(f"--query needs the URL of a database, and {source} isn't one")
    file = SourceFile(source)
    if file.head.startswith(b"PAR1"):
        from worker.sources.parquet import ParquetTable  # pyarrow is slow to import

        return "parquet", ParquetTable(file), {}
    if is_xml(file.head):
        return "google-merchant", XmlTable(file), {}
    encoding, *others = _encodings(file)
    suffixes = {suffix.lower() for suffix in Path(source).suffixes}
    start = file.head.lstrip(b"\xef\xbb\xbf \t\r\n")
    kind, table, settings = (
        ("jsonl", JsonTable(file, encoding), {})
        if start[:1] in (b"{", b"[") or {".jsonl", ".ndjson", ".json"} & suffixes
        else _recognise_delimited(file, encoding)
    )
    if encoding == "utf-8":
        return kind, table, settings
    also = f": {' or '.join(others)} would do too" if others else ""
    table.notes.append(f"the encoding {encoding} is a guess{also}; check the letters below")
    return kind, table, settings | {"encoding": encoding}


def _recognise_delimited(file: SourceFile, encoding: str) -> tuple[str, Table, dict[str, str]]:
    table = DelimitedTable(file, encoding=encoding)
    if set(table.columns) >= SHOPIFY_HEADER:
        return "shopify", ShopifyTable(file, "Handle", encoding), {}
    names = {canonical(name) for name in table.columns}
    prefixed = any(name.startswith("g:") for name in table.columns)
    if names >= MERCHANT_HEADER or (prefixed and "id" in names):
        return "google-merchant", MerchantTable(file, table.delimiter, encoding), {}
    table.notes += [
        f"the header has {name!r} more than once: a list, unless you rename all but one"
        for name in table.repeated()
    ]
    if table.delimiter == "\t":
        return "tsv", table, {}
    return "csv", table, {} if table.delimiter == "," else {"delimiter": table.delimiter}


def _encodings(file: SourceFile) -> list[str]:
    """Return the encodings that the file may have; utf-8 if the profile needn't name any."""
    if any(file.head.startswith(mark) for mark, _ in MARKS):
        return ["utf-8"]
    with file.open() as stream:
        data = stream.read(1 << 24)
    if data[:2000:2].count(0) > 500 or data[1:2000:2].count(0) > 500:
        return likely_encodings(data[:2000])
    try:
        data.decode()
    except UnicodeDecodeError as error:
        if error.end < len(data) - 4:  # the last character may be cut off
            return likely_encodings(data)
    return ["utf-8"]


def _first_rows(table: Table) -> tuple[Columns, int]:
    frames: list[Frame] = []
    rows = 0
    for frame in table.frames():
        frames.append(frame)
        rows += len(frame.lines)
        if rows >= ROWS:
            break
    if not rows:
        broken = next((reject for frame in frames for reject in frame.rejects), None)
        why = f": line {broken.line} has {broken.reason}" if broken else ""
        raise LookalikeError(f"{table.name} holds no product{why}")
    columns: Columns = {
        name: list(chain.from_iterable(frame.column(name, many=True) for frame in frames))
        for name in table.columns
    }
    return open_objects(columns), rows


def _core(kind: str, table: Table, columns: Columns) -> dict[str, str]:
    usual = FORMAT_COLUMNS.get(kind)
    if usual is None:
        return guess_core(columns)
    return {field: column for field, column in usual.items() if table.has(column)}


def _uninteresting(kind: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Return columns of a format that say nothing about how a product is found."""
    if kind == "google-merchant":
        return (
            "link",
            "mobile_link",
            "description",
            "guid",
            "pubDate",
            "identifier_exists",
            "sale_price_effective_date",
            *(name for name in columns if name.startswith(("shipping", "tax", "product_detail"))),
        )
    if kind == "shopify":
        return (
            "Body (HTML)", "Published", "Status", "Image Position", "Image Alt Text", "Gift Card",
            "Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty",
            "Variant Inventory Policy", "Variant Fulfillment Service", "Variant Requires Shipping",
            "Variant Compare At Price", "Variant Taxable", "Variant Barcode", "Variant Image",
            "Variant Weight Unit", "Variant Tax Code", "Cost per item", "SEO Title",
            "SEO Description", "Option1 Name", "Option2 Name", "Option3 Name",
        )  # fmt: skip
    return ()


def _samples(source: ProductSource, profile: Profile) -> list[dict[str, Any]]:
    samples: list[dict[str, Any]] = []
    for batch in source.batches():
        for product in batch.products[: SAMPLES - len(samples)]:
            title, brand, price, discounted, available = product.core
            attributes = {
                a.name: v for a, v in zip(profile.attributes, product.attributes, strict=True)
            }
            samples.append(
                {
                    "sku": product.sku,
                    "title": title,
                    "brand": brand,
                    "price": price,
                    "discounted_price": discounted,
                    "available": available,
                    "photos": list(product.photos),
                    **attributes,
                }
            )
        if len(samples) == SAMPLES:
            break
    return samples


FIELDS = {
    "sku": "the source's own id of a product",
    "title": "",
    "brand": "",
    "price": "",
    "discounted_price": "the price after a discount",
    "available": "whether it is in stock; a number in stock will do",
    "photo": "a path below the root, or a URL",
}


def profile_text(
    kind: str,
    core: dict[str, str],
    more_photos: Sequence[str],
    attributes: Sequence[Guess],
    left: dict[str, str],
    settings: dict[str, str],
    name: str,
    query: str | None,
) -> str:
    """Return a profile as TOML, with comments for the person who edits it.

    Args:
        kind: the format.
        core: columns by field.
        more_photos: columns with further photos.
        attributes: the proposed ones.
        left: why other columns are none.
        settings: further fields of `[source]`.
        name: the source's name, without a password.
        query: the SELECT, for a database.
    """
    lines = [f"# A catalog profile for {_comment(name)}, made by lookalike catalog inspect."]
    if query is not None:
        lines.append(f"# For the query: {_comment(query)}")
    lines += ["", "[source]", f"format = {_quoted(kind)}"]
    for key, note in FIELDS.items():
        if key in core:
            comment = f"  # {note}" if note else ""
            lines.append(f"{key} = {_quoted(core[key])}{comment}")
        elif kind != "shopify":  # what an export has no column for is worked out of others
            lines.append(f'# {key} = "…"  # no such column was recognised')
    if more_photos:
        written = [_quoted(column) for column in more_photos]
        value = written[0] if len(written) == 1 else f"[{', '.join(written)}]"
        lines.append(f"more_photos = {value}  # further photos")
    lines += [f"{key} = {_quoted(value)}" for key, value in settings.items()]
    for attribute in attributes:
        lines += ["", *_attribute(attribute)]
    if left:
        lines += ["", "# Columns that make no attribute here; declare them as above if you like."]
        lines += [f"# {_comment(column)}: {why}" for column, why in left.items()]
    return "\n".join(lines) + "\n"


def _attribute(attribute: Guess) -> list[str]:
    name = attribute.name if attribute.name.isascii() else _quoted(attribute.name)
    lines = [f"[attributes.{name}]  # {attribute.note}"]
    if attribute.column != attribute.name:
        lines.append(f"column = {_quoted(attribute.column)}")
    lines.append(f"type = {_quoted(attribute.type)}")
    label = readable(attribute.column)
    if not label.isascii() or label != attribute.column:  # which the name has lost
        lines.append(f"label = {_quoted(label)}")
    lines.append("filter = true")
    if attribute.facet:
        lines.append("facet = true")
    return lines


def _quoted(text: str) -> str:
    """Return a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300]
