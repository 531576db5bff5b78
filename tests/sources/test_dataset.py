"""The dataset's folder: rows repaired, metadata and photos beside them."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.profile import DATASET, load_profile
from app.errors import LookalikeError
from tests.sources.reading import only, profile, read, reasons
from worker.sources import Batch, default_profile, open_source
from worker.sources.skus import MAX_ID

HEADER = (
    "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,"
    "productDisplayName"
)
GOOD = "{},Men,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,{}"
SAID = load_profile(DATASET)


def write(folder: Path, *lines: str, header: str = HEADER, end: str = "\n") -> Path:
    (folder / "styles.csv").write_bytes(end.join([header, *lines]).encode())
    return folder


def read_lines(folder: Path, *lines: str, header: str = HEADER) -> Batch:
    return read(write(folder, *lines, header=header), SAID)


def with_metadata(folder: Path, data: Any, item_id: int = 7) -> Batch:
    (folder / "styles").mkdir(exist_ok=True)
    content = data if isinstance(data, bytes) else json.dumps({"data": data}).encode()
    (folder / "styles" / f"{item_id}.json").write_bytes(content)
    return read_lines(folder, GOOD.format(item_id, "Shirt"))


def test_a_row_and_its_line(tmp_path: Path) -> None:
    product = only(read_lines(tmp_path, "", GOOD.format(7, "A Shirt")))
    assert (product.line, product.sku, product.core[0]) == (3, "7", "A Shirt")
    assert product.attributes == (
        "Men", "Apparel", "Topwear", "Shirts", "Blue", "Fall", 2011, "Casual",
    )  # fmt: skip


def test_na_is_a_value_and_nothing_is_none(tmp_path: Path) -> None:
    product = only(read_lines(tmp_path, "7,NA,NA,NA,NA,NA,NA,,NA,"))
    assert product.attributes == ("NA", "NA", "NA", "NA", "NA", "NA", None, "NA")
    assert product.core[0] is None


def test_an_unquoted_comma_belongs_to_the_name(tmp_path: Path) -> None:
    found = read_lines(tmp_path, GOOD.format(7, "Shirt, blue, large"), GOOD.format(8, "Plain"))
    assert [product.core[0] for product in found.products] == ["Shirt, blue, large", "Plain"]
    assert found.repaired == 1


def test_a_name_in_the_middle_keeps_its_comma_too(tmp_path: Path) -> None:
    found = read_lines(tmp_path, "7,Shirt, blue,Men", header="id,productDisplayName,gender")
    assert (only(found).attributes[0], only(found).core[0]) == ("Men", "Shirt, blue")


@pytest.mark.parametrize(
    "name", ['5" Heels', '"Heels', 'Heels"', 'A "B', "Shirt, 'blue'"], ids=repr
)
def test_a_lone_quote_touches_its_row_alone(tmp_path: Path, name: str) -> None:
    found = read_lines(tmp_path, GOOD.format(7, name), GOOD.format(8, "Next"))
    assert [product.core[0] for product in found.products] == [name, "Next"]


def test_quoted_fields_are_unquoted(tmp_path: Path) -> None:
    found = read_lines(tmp_path, GOOD.format(7, '"Shirt, ""blue"""'))
    assert only(found).core[0] == 'Shirt, "blue"'
    assert not found.repaired


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("7,Men,Apparel", "3 fields instead of 10"),
        *(
            (GOOD.format(sku, "x"), "is not a positive 64-bit integer")
            for sku in ("", "abc", "-5", "0", "1.5", "²", MAX_ID + 1, "9" * 5000, "7\0")
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_product_is_rejected(tmp_path: Path, line: str, reason: str) -> None:
    found = read_lines(tmp_path, line, GOOD.format(8, "Next"))
    assert [product.sku for product in found.products] == ["8"]
    (reject,) = found.rejects
    assert reason in reject.reason
    assert (reject.line, reject.raw) == (2, line)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD.format(7, "x").replace("2011", "soon"), "'soon' is not an integer"),
        (GOOD.format(7, "a\0b"), "NUL"),
        (GOOD.format(7, "é" * 1001), "longer than 2,000 bytes"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_value_leaves_its_product(tmp_path: Path, line: str, reason: str) -> None:
    found = read_lines(tmp_path, line)
    assert only(found).sku == "7"
    assert reason in reasons(found.bad_values)[0]


def test_ids_and_years_as_pandas_writes_them(tmp_path: Path) -> None:
    found = read_lines(
        tmp_path,
        GOOD.format("15970.0", "x").replace("2011", "2011.0"),
        GOOD.format("007", "x").replace("2011", "nan"),
    )
    assert [(p.sku, p.attributes[6]) for p in found.products] == [("15970", 2011), ("7", None)]
    assert not found.bad_values


def test_of_two_rows_with_one_id_the_first_stays(tmp_path: Path) -> None:
    found = read_lines(tmp_path, GOOD.format(7, "First"), GOOD.format("007", "Second"))
    assert [product.core[0] for product in found.products] == ["First"]
    assert reasons(found.rejects) == ["id 7 stands on line 2 already"]


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_other_line_ends(tmp_path: Path, end: str) -> None:
    write(
        tmp_path, GOOD.format(7, "Näme"), GOOD.format(8, "Next"), header=f"\ufeff{HEADER}", end=end
    )
    assert [p.core[0] for p in read(tmp_path, SAID).products] == ["Näme", "Next"]


def test_columns_that_lack_or_abound_are_notes(tmp_path: Path) -> None:
    write(tmp_path, "7,Blue,x", header="id,baseColour,extra")
    notes = open_source(str(tmp_path), SAID).notes
    assert any("extra" in note for note in notes)
    assert f"{tmp_path}/styles.csv has no column gender: it stays empty" in notes
    own = profile('[source]\nformat = "dataset"\nsku = "id"\n[attributes.gender]\ntype = "text"')
    with pytest.raises(LookalikeError, match="no column 'gender', which the profile shop"):
        open_source(str(tmp_path), own)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "is missing: name the folder"),
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"name,colour\nx,y\n", "no column called id"),
        (b"id,gender,id\n1,Men,1\n", "has the column 'id' 2 times"),
        (HEADER.encode() + b"\n7,\xff\xfe\n", "not UTF-8 on line 2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unusable_file_is_one_line(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    file = tmp_path / "styles.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LookalikeError, match=complaint) as raised:
        read(tmp_path, SAID)
    assert str(file) in str(raised.value)


def test_a_folder_without_styles_and_one_whose_name_is_not_utf_8(tmp_path: Path) -> None:
    assert default_profile(str(tmp_path)) is None
    with pytest.raises(LookalikeError, match="is missing"):
        open_source(str(tmp_path), SAID)
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    Path(folder).mkdir()
    write(Path(folder), GOOD.format(7, "x"))
    with pytest.raises(LookalikeError, match=r"caf.* is not UTF-8: rename it"):
        open_source(folder, SAID)


def test_photos_are_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "7.jpg").touch()
    write(tmp_path, GOOD.format(7, "x"), GOOD.format(8, "x"))
    assert default_profile(str(tmp_path)) == SAID
    found = read(tmp_path, SAID)
    assert [product.photos for product in found.products] == [("images/7.jpg",), ()]
    found = read(tmp_path, SAID, root="https://cdn.example.com")
    assert [p.photos for p in found.products] == [("images/7.jpg",), ("images/8.jpg",)]
    (tmp_path / "elsewhere").mkdir()
    found = read(tmp_path, SAID, root=str(tmp_path / "elsewhere"))
    assert [product.photos for product in found.products] == [(), ()]


def test_metadata_is_beside_the_row(tmp_path: Path) -> None:
    data = {"price": 12.5, "discountedPrice": 10, "brandName": " Acme ", "vat": 5.5}
    product = only(with_metadata(tmp_path, data))
    assert product.core == ("Shirt", "Acme", Decimal("12.5"), Decimal(10), None)
    assert product.details == '{"vat": 5.5}'
    marked = "\ufeff" + json.dumps({"data": {"price": 7}})
    assert only(with_metadata(tmp_path, marked.encode())).core[2] == Decimal(7)


@pytest.mark.parametrize(
    ("content", "core", "details"),
    [
        (b'{"data": {"price": 1%s, "vat": 5}}' % (b"0" * 309), None, '{"vat": 5}'),
        (b'{"data": {"price": 1%s, "vat": 5}}' % (b"0" * 9000), None, None),
        (b'{"data": {"price": 7, "vat": NaN}}', Decimal(7), None),
        (b'{"data": {"price": NaN, "vat": 5}}', None, '{"vat": 5}'),
        (b'{"data": {"price": 7, "name": "\\ud800"}}', Decimal(7), None),
        (b'{"data": {"price": 7, "name": "\\u0000"}}', Decimal(7), None),
        (b'{"data": {"price": 7, "name": "\\\\u0000"}}', Decimal(7), '{"name": "\\\\u0000"}'),
        (b'{"data": {"price": true, "vat": 5}}', None, '{"vat": 5}'),
        (b'{"data": {"price": 7, "text": "%s"}}' % (b"x" * 100_001), Decimal(7), None),
        (b'{"data": %s1%s}' % (b"[" * 100_000, b"]" * 100_000), None, None),
        (b'{"data": [1]}', None, None),
        (b"[]", None, None),
        (b"", None, None),
        (b"\xff", None, None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_broken_metadata_costs_no_more_than_itself(
    tmp_path: Path, content: bytes, core: Decimal | None, details: str | None
) -> None:
    found = with_metadata(tmp_path, content)
    assert only(found).core[2] == core
    assert only(found).details == details
    said = [each.reason for each in found.bad_values if each.column == "details"]
    assert len(said) == (details is None)
    assert all(reason.startswith("styles/7.json: ") for reason in said)


def test_style_images_are_further_photos_where_the_profile_says_so(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "7.jpg").touch()
    images = {"default": {"imageURL": "images/7.jpg"}, "back": {"imageURL": "images/7b.jpg"}}
    assert only(with_metadata(tmp_path, {"styleImages": images})).photos == ("images/7.jpg",)
    said = profile('[source]\nformat = "dataset"\nsku = "id"\nmore_photos = "styleImages"', DATASET)
    assert only(read(tmp_path, said)).photos == ("images/7.jpg", "images/7b.jpg")


@settings(derandomize=True, deadline=None)
@given(st.lists(st.text(st.characters(blacklist_characters="\r\n", codec="utf-8"), max_size=60)))
def test_every_line_is_a_product_or_a_reject(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = write(tmp_path_factory.mktemp("any"), *lines, GOOD.format(7, "x"))
    assert read(folder, SAID).read == sum(bool(line.strip()) for line in lines) + 1
