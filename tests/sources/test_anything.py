"""Whatever a file holds: one line or its rows, each a product or a reject, and no traceback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.errors import LookalikeError
from tests.sources.reading import read, shop
from worker.sources import Batch, inspect_source

HEADER = "sku,title,price,photo"
PIECES = st.sampled_from(
    ['"', '""', ",", "\n", "\r\n", "\r", "\0", "a", "é", "😀", " ", "\t", "7", "15970.0", "nan",
     "€", "\ufeff", "\u2028", "\x0b", "\x1c", "\x85", "://", "../"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=60).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["nan"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(["sku", "title", "price", "photo", "stock", "seats", "since", "other"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("anything")


@contextmanager
def refused_in_a_line() -> Iterator[None]:
    """Bear that something is refused, in one line."""
    message = ""
    try:
        yield
    except LookalikeError as error:
        message = str(error)
    assert "\n" not in message


def check(found: Batch) -> None:
    """What came can be stored."""
    assert len({product.sku for product in found.products}) == len(found.products)
    for product in found.products:
        assert 0 < len(product.sku) <= 200
        texts = [product.sku, product.core[0] or "", *product.photos, product.details or ""]
        assert "\0" not in "".join(texts).encode().decode()
        if product.details:
            json.loads(product.details)
    for reject in found.rejects:
        assert reject.reason
        assert reject.line > 0
    told = [(each.raw, each.reason) for each in found.rejects]
    for raw, reason in told + [(each.raw, each.reason) for each in found.bad_values]:
        raw.encode()
        reason.encode()


@settings(derandomize=True, deadline=None, max_examples=300)
@given(TEXTS)
@example('"')
@example('A,"\nB,Lamp,1,\n')
@example("A,Lamp,1,a.jpg\r")
def test_any_csv(folder: Path, text: str) -> None:
    file = folder / "shop.csv"
    file.write_bytes(f"{HEADER}\nfirst,Lamp,1,\n{text}".encode())
    found = read(file, shop())
    check(found)
    assert found.products[0].sku == "first"


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.binary(max_size=80) | TEXTS.map(str.encode))
def test_any_bytes(folder: Path, data: bytes) -> None:
    file = folder / "any"
    file.write_bytes(data)
    for kind in ("csv", "tsv", "jsonl", "parquet", "google-merchant", "shopify"):
        with refused_in_a_line():
            check(read(file, shop(kind)))
    with refused_in_a_line():
        inspect_source(str(file))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.dictionaries(FIELDS, VALUES, max_size=6) | VALUES, max_size=6), st.booleans())
@example([{"sku": 0}, {"sku": 0}], True)
def test_any_json(folder: Path, objects: list[object], array: bool) -> None:
    file = folder / "shop.json"
    first = {
        "sku": "first",
        "title": "x",
        "price": 1,
        "photo": "",
        "stock": 1,
        "seats": 1,
        "since": "",
    }
    texts = [json.dumps(each) for each in [first, *objects]]
    file.write_text(f"[{','.join(texts)}]" if array else "\n".join(texts), encoding="utf-8")
    said = shop(
        "jsonl",
        source='available = "stock"',
        attributes='[attributes.seats]\ntype = "integer"\n[attributes.since]\ntype = "date"',
    )
    found = read(file, said)
    check(found)
    assert found.read == len(texts)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.text('{}[]",:\\ \nabu0019', max_size=60))
def test_any_text_in_json_lines(folder: Path, text: str) -> None:
    file = folder / "shop.jsonl"
    file.write_text(f'{{"sku": "first", "title": 1, "price": 1, "photo": 1}}\n{text}')
    found = read(file, shop("jsonl"))
    check(found)
    assert found.read == 1 + sum(bool(line.strip()) for line in text.split("\n"))
