"""CSV and TSV files of any shop, well made and badly made."""

from decimal import Decimal
from pathlib import Path

import pytest

from app.errors import LookalikeError
from tests.sources.reading import only, profile, read, reasons, shop
from worker.sources import Reject, open_source

HEADER = "sku,title,price,photo"
LAMP = "LAMP-1,Brass lamp,12.50,img/lamp.jpg"


def write(folder: Path, *lines: str, end: str = "\n", encoding: str = "utf-8") -> Path:
    file = folder / "shop.csv"
    file.write_bytes((end.join(lines) + end).encode(encoding))
    return file


def test_a_product_of_a_plain_file(tmp_path: Path) -> None:
    said = shop(
        source='brand = "maker"\navailable = "stock"',
        attributes="""
        [attributes.material]
        column = "Material"
        type = "text"
        [attributes.seats]
        type = "integer"
        [attributes.weight]
        type = "number"
        [attributes.outdoor]
        type = "boolean"
        [attributes.since]
        type = "date"
        [attributes.tags]
        type = "text[]"
        """,
    )
    file = write(
        tmp_path,
        f"{HEADER},maker,stock,Material,seats,weight,outdoor,since,tags,other",
        f"{LAMP},Lumen,3,brass,,1.5,yes,2026-01-31,warm;small,x",
    )
    source = open_source(str(file), said)
    assert source.root == str(tmp_path)
    assert source.notes == ["columns that the profile doesn't name: other"]
    assert source.size() == 1
    product = only(read(file, said))
    from datetime import date

    assert product == (
        2,
        "LAMP-1",
        ("Brass lamp", "Lumen", Decimal("12.50"), None, True),
        ("brass", None, Decimal("1.5"), True, date(2026, 1, 31), ["warm", "small"]),
        ("img/lamp.jpg",),
        None,
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_line_ends_and_byte_order_marks(tmp_path: Path, end: str, encoding: str) -> None:
    file = write(tmp_path, HEADER, "A-1,Lämp,1,", "", "A-2,Söfa,2,", end=end, encoding=encoding)
    found = read(file, shop())
    assert [(p.line, p.sku, p.core[0]) for p in found.products] == [
        (2, "A-1", "Lämp"),
        (4, "A-2", "Söfa"),
    ]
    assert not found.rejects


def test_an_encoding_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, HEADER, "A-1,Lämp – 5 €,1,", encoding="cp1252")
    assert only(read(file, shop(source='encoding = "cp1252"'))).core[0] == "Lämp – 5 €"
    with pytest.raises(LookalikeError, match=r'not UTF-8 on line 2 \(byte 0xE4\).*= "cp1252"'):
        read(file, shop())
    with pytest.raises(LookalikeError, match="encoding 'klingon' is unknown"):
        read(file, shop(source='encoding = "klingon"'))


def test_utf_16_without_a_mark_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, HEADER, "A-1,Lamp,1,", encoding="utf-16-le")
    with pytest.raises(LookalikeError, match='encoding = "utf-16-le"'):
        read(file, shop())
    assert only(read(file, shop(source='encoding = "utf-16-le"'))).sku == "A-1"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(tmp_path: Path, delimiter: str) -> None:
    file = write(tmp_path, HEADER.replace(",", delimiter), LAMP.replace(",", delimiter))
    assert only(read(file, shop())).core[0] == "Brass lamp"


def test_the_delimiter_is_said(tmp_path: Path) -> None:
    file = write(tmp_path, HEADER.replace(",", "#"), LAMP.replace(",", "#"))
    assert only(read(file, shop(source='delimiter = "#"'))).sku == "LAMP-1"
    file = write(tmp_path, HEADER.replace(",", "\t"), LAMP.replace(",", "\t"))
    assert only(read(file, shop("tsv"))).sku == "LAMP-1"
    file = write(tmp_path, "sep=;", HEADER.replace(",", ";"), LAMP.replace(",", ";"))
    assert only(read(file, shop())).line == 3


def test_quoted_fields_hold_commas_quotes_and_lines(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        HEADER,
        'A-1,"Lamp, ""small"",',
        "",
        'of brass",1,',
        "A-2,Sofa,2,",
        'A-3,"x',
        'y",,',
    )
    found = read(file, shop())
    assert [(p.line, p.core[0]) for p in found.products] == [
        (2, 'Lamp, "small",\n\nof brass'),
        (5, "Sofa"),
        (6, "x\ny"),
    ]
    assert not found.rejects


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ('A-0,"Lamp,1,', None),
        ('A-0,5" lamp,1,', '5" lamp'),
        ('A-0,"5" lamp",1,', '5" lamp'),
        ('A-0, "Lamp, small",1,', "Lamp, small"),
        ('A-0,"Lamp" ,1,', "Lamp"),
        ("A-0,Lamp,small,1,", None),
        ("A-0,Lamp", None),
    ],
)
def test_a_broken_line_costs_no_other(tmp_path: Path, line: str, title: str | None) -> None:
    rows = [f"A-{number},Title {number},1," for number in range(1, 3000)]
    file = write(tmp_path, HEADER, rows[0], line, *rows[1:])
    found = read(file, shop())
    assert found.read == 3000
    others = [product for product in found.products if product.sku != "A-0"]
    assert [product.sku for product in others] == [row.partition(",")[0] for row in rows]
    if title is None and '"' not in line:
        assert [(each.line, each.raw) for each in found.rejects] == [(3, line)]
        assert "fields instead of 4" in found.rejects[0].reason
    elif title is not None:
        (product,) = [product for product in found.products if product.sku == "A-0"]
        assert product.core[0] == title
    # A quote that is never closed leaves the line as it is, or rejects it: it takes no other.


def test_a_delimiter_at_the_end_of_every_row(tmp_path: Path) -> None:
    assert only(read(write(tmp_path, HEADER, f"{LAMP},"), shop())).sku == "LAMP-1"
    assert only(read(write(tmp_path, f"{HEADER},", f"{LAMP},"), shop())).sku == "LAMP-1"
    assert only(read(write(tmp_path, f"{HEADER},", LAMP), shop())).sku == "LAMP-1"


def test_a_column_that_stands_twice_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, f"{HEADER},price", f"{LAMP},13")
    with pytest.raises(LookalikeError, match=r"has the column 'price' 2 times: rename"):
        open_source(str(file), shop())
    file = write(tmp_path, f"{HEADER},other,other", f"{LAMP},1,2")
    assert only(read(file, shop())).sku == "LAMP-1"


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    file = write(tmp_path, "sku,title,photo,Preis", "A,B,C,1")
    with pytest.raises(LookalikeError) as raised:
        open_source(str(file), shop())
    assert str(raised.value) == (
        f"{file} has no column 'price', which the profile shop.toml names as its price; "
        "its columns are: sku, title, photo, Preis"
    )


@pytest.mark.parametrize(
    ("sku", "stored"),
    [
        (" A-1 ", "A-1"),
        ("A 1/b%2Fc", "A 1/b%2Fc"),
        ("😀", "😀"),
        ("007", "007"),
        ("é" * 200, "é" * 200),
        ("", "the sku is empty"),
        ("   ", "the sku is empty"),
        ("x" * 201, "has more than 200 characters"),
        ("x" * 300, "has more than 200 characters"),
        ("a\0b", "holds a control character"),
        ("a\tb", "holds a control character"),
        ('"1\n2"', "holds a control character"),
    ],
)
def test_skus(tmp_path: Path, sku: str, stored: str) -> None:
    found = read(write(tmp_path, HEADER, f"{sku},Lamp,1,", "other,Lamp,1,"), shop())
    assert found.read == 2
    if found.rejects:
        assert stored in found.rejects[0].reason
        assert found.rejects[0].raw == f"{sku},Lamp,1,"
    else:
        assert found.products[0].sku == stored


def test_of_two_rows_with_one_sku_the_first_stays(tmp_path: Path) -> None:
    found = read(write(tmp_path, HEADER, "A,First,1,", "B,Else,1,", " A ,Second,1,"), shop())
    assert [product.core[0] for product in found.products] == ["First", "Else"]
    assert found.rejects == [Reject(4, "sku 'A' stands on line 2 already", " A ,Second,1,")]


def test_numbers_that_pandas_wrote_as_floats_are_skus(tmp_path: Path) -> None:
    found = read(write(tmp_path, HEADER, "15970.0,Lamp,1,", "2,Sofa,1,"), shop())
    assert [product.sku for product in found.products] == ["15970", "2"]
    found = read(write(tmp_path, HEADER, "15970.0,Lamp,1,", "v2.0,Sofa,1,"), shop())
    assert [product.sku for product in found.products] == ["15970.0", "v2.0"]


def test_a_bad_value_is_null_and_its_row_stays(tmp_path: Path) -> None:
    said = shop(
        attributes="""
        [attributes.seats]
        type = "integer"
        [attributes.since]
        type = "date"
        """
    )
    file = write(
        tmp_path,
        f"{HEADER},seats,since",
        "A,La\0mp,NaN,file:///etc/passwd,few,soon",
        f"B,{'é' * 1001},12 EUR,https://x.example/{'a' * 10_000},4,2026-01-01",
    )
    found = read(file, said)
    assert [product.sku for product in found.products] == ["A", "B"]
    assert found.products[0].core == (None,) * 5
    assert found.products[0].attributes == (None, None)
    assert found.products[1].core == (None, None, Decimal(12), None, None)
    assert sorted((each.line, each.sku, each.column) for each in found.bad_values) == [
        *((2, "A", column) for column in ("photo", "price", "seats", "since", "title")),
        *((3, "B", column) for column in ("photo", "title")),
    ]
    assert "'few' is not an integer" in reasons(found.bad_values)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b",,,\nA,B,1,\n", "names no column"),
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "is a web page"),
        (b"\xef\xbb\xbf\n <HTML>Log in", "is a web page"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "is a picture"),
        (b"<?xml version='1.0'?><!-- x --><html>", "is a web page"),
        (b"<?xml version='1.0'?><rss>", 'say format = "google-merchant"'),
        (b"PAR1\0\0", 'say format = "parquet"'),
        (b'{"sku": "A", "title": "x"}\n', 'is JSON: name a profile with format = "jsonl"'),
        (b"PK\x03\x04xl/workbook.xml", "an Excel workbook"),
        (b"SQLite format 3\0", "sqlite:///"),
        (b"\x1f\x8b\x08broken", "can't be unpacked as gzip"),
        (b"sku,title,price,photo\n" + b"x" * (17 << 20), "has more than 16,777,216 characters"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unusable_file_is_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "shop.csv"
    file.write_bytes(content)
    with pytest.raises(LookalikeError, match=complaint) as raised:
        read(file, shop())
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_list_of_photos_and_further_ones(tmp_path: Path) -> None:
    said = profile(
        '[source]\nformat = "csv"\nsku = "sku"\nphoto = "Images"\nmore_photos = "gallery"\n'
    )
    url = "https://x.example/{}.jpg"
    file = write(
        tmp_path,
        "sku,Images,gallery,gallery",
        f'A,"{url.format(1)}, {url.format(2)}",{url.format(2)},{url.format(3)}',
        "B,,,b.jpg",
    )
    first, second = read(file, said).products
    assert first.photos == tuple(map(url.format, (1, 2, 3)))
    assert second.photos == ("b.jpg",)


def test_many_blocks_keep_their_lines(tmp_path: Path) -> None:
    rows = [f'A-{number},"Title {number}\nof two lines",1,' for number in range(40_000)]
    found = read(write(tmp_path, HEADER, *rows), shop())
    assert [product.line for product in found.products] == list(range(2, 80_002, 2))
