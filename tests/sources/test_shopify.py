"""Product exports of Shopify."""

from decimal import Decimal
from pathlib import Path

import pytest

from app.catalog.profile import Profile
from app.errors import LookalikeError
from tests.sources.reading import only, profile, read, reasons
from worker.sources import open_source

HEADER = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Value,Variant SKU,"
    "Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,"
    "Variant Compare At Price,Image Src,Image Position,Variant Image,Status"
)
SAID = profile(
    """
    [source]
    format = "shopify"
    [attributes.category]
    column = "Type"
    type = "text"
    [attributes.tags]
    column = "Tags"
    type = "text[]"
    [attributes.size]
    column = "Option1 Value"
    type = "text[]"
    """
)
CDN = "https://cdn.shopify.com/{}.jpg"


def row(**values: str) -> str:
    names = HEADER.split(",")
    given = {key.replace("_", " "): value for key, value in values.items()}
    assert set(given) <= set(names)
    return ",".join(f'"{given[name]}"' if name in given else "" for name in names)


def write(folder: Path, *rows: str) -> Path:
    file = folder / "products_export.csv"
    file.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return file


LAMP = {
    "Handle": "brass-lamp",
    "Title": "Brass lamp",
    "Vendor": "Lumen",
    "Type": "Lamps",
    "Tags": "brass, warm",
    "Published": "true",
    "Status": "active",
    "Variant_Price": "12.00",
}


def test_the_rows_of_a_handle_are_one_product(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        row(
            **LAMP | {"Option1_Value": "S", "Image_Src": CDN.format(2), "Image_Position": "2"},
            Variant_Compare_At_Price="15.00",
        ),
        row(Handle="brass-lamp", Option1_Value="M", Variant_Price="13.00"),
        row(Handle="brass-lamp", Image_Src=CDN.format(1), Image_Position="1"),
        row(Handle="brass-lamp", Option1_Value="S", Variant_Image=CDN.format(9)),
        row(**LAMP | {"Handle": "steel lamp/2", "Title": "Steel"}),
    )
    first, second = read(file, SAID).products
    assert first == (
        2,
        "brass-lamp",
        ("Brass lamp", "Lumen", Decimal("15.00"), Decimal("12.00"), True),
        ("Lamps", ["brass", "warm"], ["S", "M"]),
        tuple(map(CDN.format, (1, 2, 9))),
        None,
    )
    assert (second.line, second.sku, second.core[2:4]) == (6, "steel lamp/2", (Decimal(12), None))


@pytest.mark.parametrize(
    ("changes", "available"),
    [
        ({}, True),
        ({"Status": "draft"}, False),
        ({"Status": "archived"}, False),
        ({"Published": "false"}, False),
        ({"Variant_Inventory_Qty": "3"}, True),
        ({"Variant_Inventory_Qty": "0", "Variant_Inventory_Tracker": "shopify"}, False),
        ({"Variant_Inventory_Qty": "0"}, True),
        (
            {
                "Variant_Inventory_Qty": "-1",
                "Variant_Inventory_Tracker": "shopify",
                "Variant_Inventory_Policy": "continue",
            },
            True,
        ),
    ],
)
def test_availability(tmp_path: Path, changes: dict[str, str], available: bool) -> None:
    assert only(read(write(tmp_path, row(**LAMP | changes)), SAID)).core[4] is available


@pytest.mark.parametrize("compare", ["", "12.00", "9", "soon"])
def test_a_price_that_was_not_higher_is_no_discount(tmp_path: Path, compare: str) -> None:
    product = only(read(write(tmp_path, row(**LAMP, Variant_Compare_At_Price=compare)), SAID))
    assert product.core[2:4] == (Decimal("12.00"), None)


def test_a_handle_whose_rows_are_apart_and_one_that_lacks(tmp_path: Path) -> None:
    found = read(
        write(
            tmp_path,
            row(**LAMP),
            row(**LAMP | {"Handle": "other"}),
            row(**LAMP),
            row(Title="x"),
            row(Title="y"),
        ),
        SAID,
    )
    assert [product.sku for product in found.products] == ["brass-lamp", "other"]
    assert reasons(found.rejects) == [
        "sku 'brass-lamp' stands on line 2 already", "the sku is empty", "the sku is empty",
    ]  # fmt: skip
    assert found.read == 5


def test_rows_of_one_product_may_lie_in_two_blocks(tmp_path: Path) -> None:
    body = "x" * 500
    rows = [
        row(
            **LAMP
            | {"Handle": f"h-{number // 3}", "Body (HTML)": body, "Option1_Value": str(number)}
        )
        for number in range(6000)
    ]
    found = read(write(tmp_path, *rows), SAID)
    assert len(found.products) == 2000
    assert not found.rejects
    assert all(len(product.attributes[2]) == 3 for product in found.products)  # type: ignore[arg-type]


def test_an_export_without_what_is_optional(tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text("Handle,Title,Type,Tags,Option1 Value,Image Src\nlamp,Lamp,,,,a.jpg\n")
    product = only(read(file, SAID))
    assert product.core == ("Lamp", None, None, None, True)
    file.write_text("Handle,Title,Image Src\nlamp,Lamp,a.jpg\n")
    with pytest.raises(LookalikeError, match="no column 'Type'"):
        open_source(str(file), SAID)
    file.write_text("Title,Type\nlamp,Lamp\n")
    with pytest.raises(LookalikeError, match="no column 'Handle'"):
        open_source(str(file), SAID)


def test_the_rows_are_explained(tmp_path: Path) -> None:
    said: Profile = SAID
    notes = open_source(str(write(tmp_path, row(**LAMP))), said).notes
    assert notes == ["the rows of one Handle are one product, its variants and images"]
