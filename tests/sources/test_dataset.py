"""`styles.csv`: every row parsed, repaired or rejected on its own, and none dropped in silence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import LookalikeError
from worker.ingest.rows import MAX_ID, Row
from worker.ingest.styles import Reject, StylesFile

HEADER = (
    "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,"
    "productDisplayName"
)
GOOD = "{},Men,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,{}"


def read(folder: Path, *lines: str, header: str = HEADER) -> list[Row | Reject]:
    file = folder / "styles.csv"
    file.write_bytes("\n".join([header, *lines]).encode())
    return list(StylesFile(file).rows())


def only(rows: list[Row | Reject]) -> Row:
    (row,) = rows
    assert isinstance(row, Row), row
    return row


def test_a_row_and_its_line(tmp_path: Path) -> None:
    row = only(read(tmp_path, "", GOOD.format(7, "A Shirt")))
    assert (row.line, row.item_id, row.repaired) == (3, 7, False)
    assert row.attributes == (
        "Men", "Apparel", "Topwear", "Shirts", "Blue", "Fall", 2011, "Casual", "A Shirt",
    )  # fmt: skip


def test_na_is_a_value_and_nothing_is_none(tmp_path: Path) -> None:
    row = only(read(tmp_path, "7,NA,NA,NA,NA,NA,NA,,NA,"))
    assert row.attributes == ("NA", "NA", "NA", "NA", "NA", "NA", None, "NA", None)


def test_an_unquoted_comma_belongs_to_the_name(tmp_path: Path) -> None:
    row = only(read(tmp_path, GOOD.format(7, "Shirt, blue, large")))
    assert row.attributes[-1] == "Shirt, blue, large"
    assert row.repaired


def test_a_name_in_the_middle_keeps_its_comma_too(tmp_path: Path) -> None:
    row = only(read(tmp_path, "7,Shirt, blue,Men", header="id,productDisplayName,gender"))
    assert (row.attributes[0], row.attributes[-1]) == ("Men", "Shirt, blue")


def test_quoted_fields_are_unquoted(tmp_path: Path) -> None:
    row = only(read(tmp_path, GOOD.format(7, '"Shirt, ""blue"""')))
    assert row.attributes[-1] == 'Shirt, "blue"'
    assert not row.repaired


@pytest.mark.parametrize("name", ['5" Heels', '"Heels', 'Heels"', 'A "B'])
def test_a_lone_quote_touches_its_row_alone(tmp_path: Path, name: str) -> None:
    rows = read(tmp_path, GOOD.format(7, name), GOOD.format(8, "Next"))
    assert [row.attributes[-1] for row in rows if isinstance(row, Row)] == [name, "Next"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("7,Men,Apparel", "3 fields instead of 10"),
        (GOOD.format("", "x"), "no positive 64-bit integer"),
        (GOOD.format("abc", "x"), "id 'abc' is no positive 64-bit integer"),
        (GOOD.format("-5", "x"), "no positive 64-bit integer"),
        (GOOD.format("0", "x"), "no positive 64-bit integer"),
        (GOOD.format("1.5", "x"), "no positive 64-bit integer"),
        (GOOD.format("²", "x"), "no positive 64-bit integer"),
        (GOOD.format(MAX_ID + 1, "x"), "no positive 64-bit integer"),
        (GOOD.format("9" * 5000, "x"), "no positive 64-bit integer"),
        (GOOD.format(7, "x").replace("2011", "soon"), "year 'soon' is no year"),
        (GOOD.format(7, "a\0b"), "NUL"),
        (GOOD.format(7, "é" * 1001), "productDisplayName is longer than 2,000 bytes"),
    ],
)
def test_what_is_no_product_is_rejected(tmp_path: Path, line: str, reason: str) -> None:
    reject, good = read(tmp_path, line, GOOD.format(8, "Next"))
    assert isinstance(reject, Reject)
    assert isinstance(good, Row)
    assert reason in reject.reason
    assert (reject.line, reject.raw) == (2, line)


def test_of_two_rows_with_one_id_the_first_stays(tmp_path: Path) -> None:
    first, second = read(tmp_path, GOOD.format(7, "First"), GOOD.format("007", "Second"))
    assert isinstance(first, Row)
    assert isinstance(second, Reject)
    assert second.reason == "id 7 stands on line 2 already"


def test_the_largest_id_is_an_id(tmp_path: Path) -> None:
    assert only(read(tmp_path, GOOD.format(MAX_ID, "x"))).item_id == MAX_ID


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "styles.csv"
    file.write_bytes(f"\ufeff{HEADER}\r\n{GOOD.format(7, 'Näme')}\r\n".encode())
    assert only(list(StylesFile(file).rows())).attributes[-1] == "Näme"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "is missing"),
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"name,colour\nx,y\n", "no column called id"),
        (HEADER.encode() + b"\n7,\xff\xfe\n", "not UTF-8 on line 2"),
        (b"\xff\xfei\x00d\x00", "not UTF-8 on line 1"),
    ],
)
def test_an_unusable_file_is_one_line(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    file = tmp_path / "styles.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LookalikeError, match=complaint) as raised:
        list(StylesFile(file).rows())
    assert str(file) in str(raised.value)


@given(st.lists(st.text(st.characters(blacklist_characters="\n", codec="utf-8"), max_size=60)))
def test_every_line_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    rows = read(tmp_path_factory.mktemp("any"), *lines)
    assert len(rows) == sum(bool(line.rstrip("\r\n").strip()) for line in lines)
