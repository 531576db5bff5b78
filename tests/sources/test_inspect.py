"""`lookalike catalog inspect`: what is recognised, and a profile that works."""

import io
import json
import sqlite3
import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.catalog.profile import load_profile, parse_profile
from app.errors import LookalikeError
from tests.conftest import Cli
from tests.sources.reading import read
from tests.sources.test_google_merchant import RSS
from tests.sources.test_shopify import LAMP, row
from tests.sources.test_shopify import write as write_shopify
from worker.sources import Inspection, inspect_source, open_source


def rows(count: int = 300) -> list[dict[str, object]]:
    return [
        {
            "sku": f"TS-{number:04}-RED",
            "name": f"Lamp number {number}, of brass",
            "image_url": f"https://x.example/{number}.jpg",
            "price": f"{number}.50",
            "maker": f"Maker {number % 7}",
            "in_stock": "yes" if number % 3 else "no",
            "Material": ("brass", "oak", "steel")[number % 3],
            "seats": str(number % 4),
            "weight (kg)": f"{number % 10}.25",
            "added": f"2026-01-{number % 28 + 1:02}",
            "outdoor": ("true", "false")[number % 2],
            "tags": ("warm|small", "cold", "")[number % 3],
            "search": ("a", "b")[number % 2],
            "price_max": str(number % 5),
            "ean": f"{4_000_000_000_000 + number}",
            "description": f"A lamp that stands at number {number}. It is made of brass. " * 3,
            "url": f"https://x.example/{number}",
        }
        for number in range(count)
    ]


def as_csv(products: list[dict[str, object]], delimiter: str = ",") -> str:
    quoted = [[f'"{value}"' for value in product.values()] for product in products]
    return "\n".join(delimiter.join(map(str, line)) for line in [products[0], *quoted]) + "\n"


def write(folder: Path, content: str, name: str = "shop.csv", encoding: str = "utf-8") -> str:
    (folder / name).write_bytes(content.encode(encoding))
    return str(folder / name)


def works(found: Inspection, source: str, query: str | None = None) -> None:
    """The profile reads the source with nothing lost."""
    said = parse_profile(found.profile_text, "written.toml")
    whole = read(source, said, query=query)
    assert whole.products
    assert not whole.rejects
    assert not whole.bad_values


def test_a_plain_file(tmp_path: Path) -> None:
    source = write(tmp_path, as_csv(rows()))
    found = inspect_source(source)
    assert found.format == "csv"
    assert found.recognised == {
        "sku": "sku", "title": "name", "photo": "image_url", "price": "price", "brand": "maker",
        "available": "in_stock",
    }  # fmt: skip
    assert {each.name: (each.column, each.type, each.facet) for each in found.attributes} == {
        "material": ("Material", "text", True),
        "seats": ("seats", "integer", False),
        "weight_kg": ("weight (kg)", "number", False),
        "added": ("added", "date", False),
        "outdoor": ("outdoor", "boolean", False),
        "tags": ("tags", "text[]", False),
        "search_attribute": ("search", "text", True),
        "price_max_attribute": ("price_max", "integer", False),
    }
    assert set(found.left) == {"ean", "description", "url"}
    assert [sample["sku"] for sample in found.samples] == [f"TS-000{n}-RED" for n in range(3)]
    works(found, source)


def test_columns_in_other_languages(tmp_path: Path) -> None:
    for names in (
        "Artikelnummer;Titel;Bild;Preis;Marke;Bestand;Farbe",
        "référence;nom;image;prix;marque;disponible;couleur",
        "referencia;nombre;imagen;precio;marca;disponible;color",
    ):
        lines = [
            f"A-{n};Lamp {n};img/{n}.jpg;{n},50 €;M {n % 3};{n % 2};{n % 4}a" for n in range(60)
        ]
        source = write(tmp_path, "\n".join([names, *lines]), encoding="cp1252")
        found = inspect_source(source)
        assert list(found.recognised) == ["sku", "title", "photo", "price", "brand", "available"]
        assert [each.name for each in found.attributes] == [names.split(";")[-1].lower()]
        assert 'delimiter = ";"' in found.profile_text
        works(found, source)


def test_names_in_other_scripts(tmp_path: Path) -> None:
    lines = ["商品コード,商品名,ブランド,価格,在庫数,画像,カテゴリ,発売日"]
    lines += [
        f"本-{n},猫 {n},岩波書店,{n}00円,{n % 3},本/{n}.jpg,{'文新'[n % 2]},2024/02/{n:02}"
        for n in range(1, 20)
    ]
    for encoding in ("utf-8", "cp932"):
        source = write(tmp_path, "\n".join(lines), encoding=encoding)
        found = inspect_source(source)
        assert found.recognised == {
            "sku": "商品コード", "title": "商品名", "photo": "画像", "price": "価格",
            "brand": "ブランド", "available": "在庫数",
        }  # fmt: skip
        said = parse_profile(found.profile_text, "written.toml")
        assert [(a.column, a.type, a.label) for a in said.attributes] == [
            ("カテゴリ", "text", "カテゴリ"), ("発売日", "date", "発売日"),
        ]  # fmt: skip
        assert [attribute.name for attribute in said.attributes] == ["カテゴリ", "発売日"]
        works(found, source)


def test_prices_before_and_after_a_discount(tmp_path: Path) -> None:
    for head, price, discounted in [
        ("sku,price,regular_price", "regular_price", "price"),
        ("sku,Preis (EUR),Aktionspreis", "Preis (EUR)", "Aktionspreis"),
        ("sku,list_price,your_price", "list_price", "your_price"),
        ("sku,price,price_per_kg", "price", None),
    ]:
        rows = "\n".join(f"A-{n},{n}.00,{n + 1}.50" for n in range(1, 30))
        found = inspect_source(write(tmp_path, f"{head}\n{rows}")).recognised
        assert (found.get("price"), found.get("discounted_price")) == (price, discounted)
    rows = "\n".join(f"A-{n},{n}.00,{'5.00' if n == 3 else ''}" for n in range(1, 30))
    found = inspect_source(write(tmp_path, f"sku,price,regular_price\n{rows}")).recognised
    assert found["price"] == "price"  # a list price here and there is not the price


def test_photos_in_numbered_columns(tmp_path: Path) -> None:
    lines = ["sku;Bild 1;Bild 2;Bild 3"]
    lines += [f"A-{n};{n}.jpg;{n}-b.jpg;{f'{n}-c.jpg' if n % 2 else ''}" for n in range(20)]
    source = write(tmp_path, "\n".join(lines))
    found = inspect_source(source)
    assert found.recognised == {"sku": "sku", "photo": "Bild 1"}
    assert found.more_photos == ["Bild 2", "Bild 3"]
    assert found.samples[1]["photos"] == ["1.jpg", "1-b.jpg", "1-c.jpg"]
    works(found, source)


def test_amounts_and_measures_are_no_lists_and_no_whole_numbers(tmp_path: Path) -> None:
    lines = ["sku;Alkohol;deposit;year"]
    lines += [f"A-{n};1{n % 3},5 %;{n}.00;{2000 + n}.0" for n in range(20)]
    lines += ["B-1;n/a;NULL;nan"]
    found = inspect_source(write(tmp_path, "\n".join(lines)))
    assert {each.column: each.type for each in found.attributes} == {
        "Alkohol": "text", "deposit": "number", "year": "integer",
    }  # fmt: skip


def test_nested_fields(tmp_path: Path) -> None:
    products = [
        {
            "id": f"plant:{n}",
            "name": {"en": f"Ficus {n}", "de": f"Feige {n}"},
            "pricing": {
                "currency": ("EUR", "SEK")[n % 2],
                "list": n * 4.5,
                "sale": 4.0 if n % 3 else None,
            },
            "inventory": {"quantity": n % 3},
            "images": [{"src": f"https://x.example/{n}.jpg", "alt": "a"}],
            "categories": [{"id": 7, "name": ("indoor", "outdoor")[n % 2]}],
            "size": {"pot": {"width": 12 + n % 4}},
        }
        for n in range(1, 40)
    ]
    source = write(tmp_path, "\n".join(map(json.dumps, products)), "plants.jsonl")
    found = inspect_source(source)
    assert found.recognised == {
        "sku": "id", "title": "name.en", "photo": "images", "price": "pricing.list",
        "discounted_price": "pricing.sale", "available": "inventory.quantity",
    }  # fmt: skip
    assert {each.name: each.type for each in found.attributes} == {
        "pricing_currency": "text", "categories_name": "text[]", "size_pot_width": "integer",
    }  # fmt: skip
    assert found.samples[0]["categories_name"] == ["outdoor"]
    works(found, source)


def test_products_as_shopify_publishes_them(tmp_path: Path) -> None:
    products = [
        {
            "id": 7_000 + n,
            "title": f"Mug {n}",
            "vendor": "Havn",
            "product_type": ("Mugs", "Cups")[n % 2],
            "tags": ["kitchen"],
            "variants": [
                {"id": 10 * n + k, "sku": f"M-{n}-{k}", "price": "14.00", "available": n % 3 < k}
                for k in range(3)
            ],
            "images": [{"id": 1, "src": f"https://x.example/{n}.jpg?v=1"}],
        }
        for n in range(30)
    ]
    source = write(tmp_path, json.dumps({"products": products}), "products.json")
    found = inspect_source(source)
    assert found.recognised == {
        "sku": "id", "title": "title", "photo": "images", "price": "variants.0.price",
        "brand": "vendor", "available": "variants.available",
    }  # fmt: skip
    assert [sample["available"] for sample in found.samples] == [True, True, False]
    works(found, source)


def test_media_that_are_no_photos(tmp_path: Path) -> None:
    products = [
        {
            "sku": f"L-{n}",
            "media": [
                {"type": "VIDEO", "url": f"https://x.example/{n}"},
                {"type": "image", "url": f"https://x.example/{n}.jpg"},
            ],
        }
        for n in range(5)
    ]
    found = inspect_source(write(tmp_path, json.dumps(products), "lamps.json"))
    assert found.samples[0]["photos"] == ["https://x.example/0.jpg"]


def test_what_says_nothing_of_a_product_is_no_attribute(tmp_path: Path) -> None:
    lines = ["sku,tax,html,made,labels,shade"]
    lines += [
        f'A-{n},full,<p class="x">{n % 2}</p>,"1/{n % 3}/26, 3:04 PM",",",{n % 2}s'
        for n in range(30)
    ]
    found = inspect_source(write(tmp_path, "\n".join(lines)))
    assert [each.name for each in found.attributes] == ["made", "shade"]
    assert found.attributes[0].type == "text"
    assert found.left == {
        "tax": "'full' in all rows", "html": "HTML", "labels": "',' in all rows",
    }  # fmt: skip


def test_a_title_that_is_called_otherwise(tmp_path: Path) -> None:
    lines = ["kodi,hinta,tuotenimi", *(f"T-{n},{n}9,Tammipöytä {n}" for n in range(20))]
    found = inspect_source(write(tmp_path, "\n".join(lines)))
    assert found.recognised["title"] == "tuotenimi"


def test_a_column_that_stands_twice_is_told(tmp_path: Path) -> None:
    lines = ["sku,title,title", *(f"A-{n},Chair,Stuhl {n % 2}" for n in range(20))]
    found = inspect_source(write(tmp_path, "\n".join(lines)))
    assert found.notes[0].startswith("the header has 'title' more than once")
    assert "title" not in found.recognised


def test_a_flat_file_of_amazon(tmp_path: Path) -> None:
    lines = [
        "TemplateType=fptcustom\tVersion=2023.0415",
        "Seller SKU\tProduct Name\tMain Image URL",
    ]
    lines += ["item_sku\titem_name\tmain_image_url", "BK-1\tA book\thttps://x.example/1.jpg"]
    source = write(tmp_path, "\n".join(lines), "books.txt")
    found = inspect_source(source)
    assert found.recognised == {"sku": "item_sku", "title": "item_name", "photo": "main_image_url"}
    assert [sample["sku"] for sample in found.samples] == ["BK-1"]
    works(found, source)


def test_rows_that_do_not_fit_the_header_are_told(tmp_path: Path) -> None:
    source = write(tmp_path, "Products of today,1\nA,Chair,oak\nB,Table,oak\n")
    with pytest.raises(
        LookalikeError, match=r"holds no product: line 2 has 3 fields instead of 2$"
    ):
        inspect_source(source)


EXPORTS = {
    "magento": (
        "sku,name,price,special_price,base_image,thumbnail_image,qty,is_in_stock,additional_images",
        "M{n},Bag,{n}.0000,,/m/{n}.jpg,/t/{n}.jpg,{n},1,/m/{n}.jpg;/m/{n}b.jpg",
        "sku name price special_price is_in_stock base_image additional_images",
    ),
    "prestashop": (
        "Product ID,Image,Name,Price (tax excl.),Price (tax incl.),Quantity",
        "{n},https://x.example/{n}.jpg,Mug,{n}.00,{n}.90,3",
        "Product ID,Name,Price (tax incl.),,Quantity,Image",
    ),
    "amazon": (
        "item_sku,item_name,standard_price,quantity,main_image_url,other_image_url1",
        "A{n},Cable,{n}.5,0,https://x.example/{n}.jpg,https://x.example/{n}b.jpg",
        "item_sku item_name standard_price  quantity main_image_url other_image_url1",
    ),
    "awin": (
        "aw_deep_link,product_name,aw_product_id,merchant_image_url,search_price,in_stock",
        "https://x.example/?{n},Wine,{n}00,https://x.example/{n}.jpg,{n}.99,1",
        "aw_product_id product_name search_price  in_stock merchant_image_url",
    ),
    "jtl": (
        "Artikelnummer,Artikelname,Brutto-VK,Netto-VK,Lagerbestand Gesamt,Bild 1",
        'J{n},Tisch,"{n},99","{n},00","3,00",{n}.jpg',
        "Artikelnummer,Artikelname,Brutto-VK,,Lagerbestand Gesamt,Bild 1",
    ),
    "italian": (
        "Codice articolo,Descrizione,Prezzo,Disponibilità,Immagine",
        'C{n},Vino,"€ {n},50",Non disponibile,{n}.jpg',
        "Codice articolo,Descrizione,Prezzo,,Disponibilità,Immagine",
    ),
    "bigcommerce": (
        "Product ID,Product Name,Price,Retail Price,Sale Price,Current Stock Level,"
        "Product Image File - 1,Product Image File - 2",
        "{n},Pot,{n}.00,0.00,0.00,4,{n}.jpg,{n}b.jpg",
        "Product ID,Product Name,Price,Sale Price,Current Stock Level,Product Image File - 1,"
        "Product Image File - 2",
    ),
}
"""Header and row of an export, and its columns for the sku, title, price, …"""


@pytest.mark.parametrize("shop", EXPORTS)
def test_exports_of_other_shops(tmp_path: Path, shop: str) -> None:
    head, row, columns = EXPORTS[shop]
    lines = [head, *(row.replace("{n}", str(number)) for number in range(10, 40))]
    source = write(tmp_path, "\n".join(lines))
    found = inspect_source(source)
    fields = ("sku", "title", "price", "discounted_price", "available", "photo", "more_photos")
    wanted = dict(zip(fields, columns.split("," if "," in columns else " "), strict=False))
    more = wanted.pop("more_photos", None)
    assert found.recognised == {field: column for field, column in wanted.items() if column}
    assert found.more_photos == ([more] if more else [])
    assert found.samples[0]["discounted_price"] is None
    works(found, source)


def test_an_export_of_woocommerce(tmp_path: Path) -> None:
    head = "ID,Type,SKU,Name,Published,In stock?,Regular price,Sale price,Categories,Images"
    lines = [
        f'{n},simple,,Lamp {n},1,1,15,12.5,"Home > Lamps","https://x.example/{n}.jpg, '
        f'https://x.example/{n}b.jpg"'
        for n in range(1, 60)
    ]
    source = write(tmp_path, "\n".join([head, *lines]))
    found = inspect_source(source)
    assert found.recognised == {
        "sku": "ID", "title": "Name", "photo": "Images", "price": "Regular price",
        "discounted_price": "Sale price", "available": "In stock?",
    }  # fmt: skip
    assert len(found.samples[0]["photos"]) == 2
    works(found, source)


def test_every_format_is_known_by_its_content(tmp_path: Path) -> None:
    products = rows(60)
    pq.write_table(pa.Table.from_pylist(products), tmp_path / "shop.bin")
    lines = "\n".join(map(json.dumps, products))
    merchant = "id\ttitle\tlink\timage_link\tavailability\tprice\n" + "\n".join(
        f"L-{n}\tLamp\thttps://x.example\thttps://x.example/{n}.jpg\tin_stock\t1.00 EUR"
        for n in range(9)
    )
    sources = {
        "parquet": str(tmp_path / "shop.bin"),
        "tsv": write(tmp_path, as_csv(products, "\t"), "tabs.txt"),
        "jsonl": write(tmp_path, lines, "lines.txt"),
        "google-merchant": write(tmp_path, merchant, "feed.txt"),
        "shopify": str(write_shopify(tmp_path, row(**LAMP, Image_Src="a.jpg"))),
    }
    for kind, source in sources.items():
        found = inspect_source(source)
        assert found.format == kind
        assert found.recognised["sku"]
        works(found, source)
    xml = write(tmp_path, RSS.replace("<item><title>No id</title></item>", ""), "feed")
    found = inspect_source(xml)
    assert found.format == "google-merchant"
    assert found.more_photos == ["additional_image_link"]
    assert {"material": "text", "product_type": "text"}.items() <= {
        each.name: each.type for each in found.attributes
    }.items()
    works(found, xml)


def test_encodings_are_found_out(tmp_path: Path) -> None:
    text = as_csv(rows(60)).replace("brass", "Grün – 5 €")
    for encoding in ("cp1252", "utf-16", "utf-8-sig", "utf-16-le"):
        source = write(tmp_path, text, encoding=encoding)
        works(inspect_source(source), source)


ENCODED = {
    "euc_jp": "オーク材のテーブル",
    "cp932": "オーク材のテーブル",
    "cp1251": "Дубовый стол",
    "koi8_r": "Дубовый стол",
    "gb18030": "橡木餐桌",
    "cp949": "원목 식탁",
    "cp1253": "Τραπέζι δρύινο",
    "cp1252": "Höhenverstellbarer Tisch für 5 €",
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_an_encoding_is_guessed_and_called_a_guess(tmp_path: Path, encoding: str) -> None:
    lines = ["sku,title", *(f"A-{n},{ENCODED[encoding]} {n}" for n in range(5000))]
    source = write(tmp_path, "\n".join(lines), encoding=encoding)
    found = inspect_source(source)
    assert found.samples[0]["title"] == f"{ENCODED[encoding]} 0"
    assert f"the encoding {encoding} is a guess" in found.notes[-1]
    works(found, source)
    said = parse_profile('[source]\nformat = "csv"\nsku = "sku"\ntitle = "title"', "shop.toml")
    with pytest.raises(LookalikeError, match=f'is not UTF-8 on line 2 .*encoding = "{encoding}"'):
        read(source, said)


def test_other_encodings_of_latin_letters_are_named(tmp_path: Path) -> None:
    lines = ["sku,title", *(f"A-{n},Dřevěný stůl" for n in range(20))]
    source = write(tmp_path, "\n".join(lines), encoding="cp1250")
    assert "cp1252 is a guess: cp1250 or" in inspect_source(source).notes[-1]
    lines = ["sku,title", *(f"A-{n},Zamek błyskawiczny" for n in range(20))]
    source = write(tmp_path, "\n".join(lines), encoding="cp1250")
    assert inspect_source(source).settings == {"encoding": "cp1250"}


def test_nested_columns_of_parquet(tmp_path: Path) -> None:
    products = [
        {
            "sku": f"A-{n}",
            "pricing": {"list": Decimal(f"{n}.90"), "sale": None},
            "specs": {"size": {"width": 40 + n % 3}, "outdoor": n % 2 == 0},
            "images": [{"url": f"https://x.example/{n}.jpg", "alt": "x"}],
            "rooms": [{"name": "kitchen"}, {"name": ("hall", "garden")[n % 2]}],
        }
        for n in range(1, 40)
    ]
    source = str(tmp_path / "shop.parquet")
    pq.write_table(pa.Table.from_pylist(products), source)
    found = inspect_source(source)
    assert found.recognised == {
        "sku": "sku", "photo": "images", "price": "pricing.list",
        "discounted_price": "pricing.sale",
    }  # fmt: skip
    assert {each.column: each.type for each in found.attributes} == {
        "specs.size.width": "integer", "specs.outdoor": "boolean", "rooms.name": "text[]",
    }  # fmt: skip
    works(found, source)
    said = parse_profile(found.profile_text, "shop.toml")
    assert open_source(source, said).notes == []
    profile = parse_profile(found.profile_text.replace("size.width", "size.depth"), "shop.toml")
    with pytest.raises(LookalikeError, match=r"no column 'specs.size.depth'"):
        read(source, profile)


def test_json_in_a_column_of_postgres(empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute("CREATE TABLE shop (code text, data jsonb)")
        connection.execute(
            "INSERT INTO shop SELECT 'S-' || n, jsonb_build_object('name', 'A seat ' || n, "
            "'specs', jsonb_build_object('width', n % 5)) FROM generate_series(1, 30) AS n"
        )
    found = inspect_source(empty_url, query="SELECT * FROM shop")
    assert found.recognised == {"sku": "code", "title": "data.name"}
    assert [each.column for each in found.attributes] == ["data.specs.width"]
    works(found, empty_url, "SELECT * FROM shop")


def test_a_query(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE products (id integer, name text, photo text, colour text)")
        database.executemany(
            "INSERT INTO products VALUES (?, 'Lamp', 'a.jpg', ?)",
            [(number, ("red", "blue")[number % 2]) for number in range(1, 101)],
        )
    database.close()
    source, query = f"sqlite:///{tmp_path}/shop.db", "SELECT * FROM products"
    found = inspect_source(source, query=query)
    assert found.recognised == {"sku": "id", "title": "name", "photo": "photo"}
    assert [each.name for each in found.attributes] == ["colour"]
    works(found, source, query)


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO(as_csv(rows(60)).encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=data))
    found = inspect_source("-")
    assert [sample["sku"] for sample in found.samples] == [f"TS-000{n}-RED" for n in range(3)]


def test_the_dataset(sample_catalog: Path) -> None:
    found = inspect_source(str(sample_catalog))
    assert found.format == "dataset"
    assert found.profile_text == load_profile("fashion-product-images").text
    assert len(found.samples) == 3


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("colour\nred\nred\nblue\n" * 3, "no column is an id of products"),
        ("<html>Log in", "is a web page"),
        ("sku,title\n", "holds no product"),
        ("", "is empty"),
    ],
)
def test_what_can_not_be_recognised_is_one_line(
    tmp_path: Path, content: str, complaint: str
) -> None:
    with pytest.raises(LookalikeError, match=complaint):
        inspect_source(write(tmp_path, content))


def test_names_that_nobody_would_choose(tmp_path: Path) -> None:
    header = 'id,"a ""quoted"" name",3D,Größe,größe,😀,item_id,"tab\there"'
    lines = [f"A{n}" + f",x{n % 2}" * 7 for n in range(50)]
    source = write(tmp_path, "\n".join([header, *lines]))
    found = inspect_source(source)
    names = [each.name for each in found.attributes]
    assert names == [
        "a_quoted_name", "attribute_3d", "grosse", "grosse_2", "attribute", "item_id_attribute",
        "tab_here",
    ]  # fmt: skip
    works(found, source)


def test_the_command(tmp_path: Path, cli: Cli) -> None:
    source = write(tmp_path, as_csv(rows(60)))
    target = tmp_path / "shop.toml"
    done = cli(None, "catalog", "inspect", source, "--write", target)
    assert done.returncode == 0, done.stderr
    assert "image_url" in done.stdout
    assert "TS-0002-RED" in done.stdout
    assert read(source, load_profile(str(target))).read == 60
    again = cli(None, "catalog", "inspect", source, "--write", target)
    assert again.returncode == 1
    assert "exists already: --force" in again.stderr
    done = cli(None, "catalog", "inspect", source, "--write", target, "--force", "--json")
    assert json.loads(done.stdout)["recognised"]["photo"] == "image_url"
    done = cli(None, "catalog", "inspect", tmp_path / "none.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lookalike: there is no file")
