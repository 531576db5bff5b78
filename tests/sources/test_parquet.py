"""Parquet files."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import LookalikeError
from tests.sources.reading import read, shop

SAID = shop(
    "parquet",
    source='available = "stock"',
    attributes="""
    [attributes.seats]
    type = "integer"
    [attributes.since]
    type = "date"
    [attributes.colour]
    type = "text"
    [attributes.tags]
    type = "text[]"
    """,
)


def write(folder: Path, rows: int = 3) -> Path:
    file = folder / "shop.parquet"
    table = pa.table(
        {
            "sku": pa.array(range(1, rows + 1), pa.int64()),
            "title": pa.array([f"Lamp {n}" for n in range(rows)], pa.large_string()),
            "price": pa.array([Decimal("12.50"), None] + [Decimal(1)] * (rows - 2)),
            "photo": pa.array([f"{n}.jpg" for n in range(rows)]),
            "stock": pa.array([3, 0] + [1] * (rows - 2), pa.int32()),
            "seats": pa.array([2.0, float("nan")] + [4.0] * (rows - 2)),
            "since": pa.array([datetime(2026, 1, 31, 10)] * rows, pa.timestamp("ns")),
            "colour": pa.array(["red"] * rows).dictionary_encode(),
            "tags": pa.array([["brass"], []] + [None] * (rows - 2), pa.list_(pa.string())),
            "unused": pa.array([b"x"] * rows),
        }
    )
    pq.write_table(table, file)
    return file


def test_values_of_columns_of_types(tmp_path: Path) -> None:
    first, second, _ = read(write(tmp_path), SAID).products
    assert first == (
        1, "1", ("Lamp 0", None, Decimal("12.50"), None, True),
        (2, date(2026, 1, 31), "red", ["brass"]), ("0.jpg",), None,
    )  # fmt: skip
    assert second.core[2:] == (None, None, False)
    assert second.attributes == (None, date(2026, 1, 31), "red", None)


def test_many_rows(tmp_path: Path) -> None:
    found = read(write(tmp_path, 12_000), SAID)
    assert [product.line for product in found.products] == list(range(1, 12_001))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
def test_a_file_that_is_cut_off_is_one_line(tmp_path: Path, share: float) -> None:
    file = write(tmp_path, 5000)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(LookalikeError, match="is not a complete Parquet file") as raised:
        read(file, SAID)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_damaged_within_is_one_line(tmp_path: Path) -> None:
    file = write(tmp_path, 5000)
    data = bytearray(file.read_bytes())
    data[200:4000] = b"\xff" * 3800
    file.write_bytes(bytes(data))
    with pytest.raises(LookalikeError, match="is not a complete Parquet file"):
        read(file, SAID)


def test_what_is_no_parquet_and_what_lacks_a_column(tmp_path: Path) -> None:
    file = tmp_path / "shop.parquet"
    file.write_text("sku,title\n")
    with pytest.raises(LookalikeError, match="is not a complete Parquet file"):
        read(file, SAID)
    pq.write_table(pa.table({"id": ["A"]}), file)
    with pytest.raises(LookalikeError, match="has no column 'sku'"):
        read(file, SAID)
