"""JSON Lines and arrays of objects."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.errors import LookalikeError
from tests.sources.reading import only, profile, read, reasons, shop
from worker.sources import open_source

SAID = shop("jsonl")
LAMP = {"sku": "LAMP-1", "title": "Brass lamp", "price": 12.5, "photo": "img/lamp.jpg"}


def write(folder: Path, *objects: Any, text: str | None = None) -> Path:
    file = folder / "shop.jsonl"
    lines = "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in objects)
    file.write_bytes((lines if text is None else text).encode())
    return file


def test_a_line_is_a_product_and_its_other_fields_are_details(tmp_path: Path) -> None:
    file = write(tmp_path, {**LAMP, "care": {"wash": "no"}, "größe": 3}, "", LAMP | {"sku": 42})
    first, second = read(file, SAID).products
    assert first == (
        1, "LAMP-1", ("Brass lamp", None, Decimal("12.5"), None, None), (), ("img/lamp.jpg",),
        '{"care": {"wash": "no"}, "größe": 3}',
    )  # fmt: skip
    assert (second.line, second.sku, second.details) == (3, "42", None)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + json.dumps(LAMP) + "\r\n",
        json.dumps([LAMP]),
        json.dumps([LAMP], indent=2),
        json.dumps({"products": [LAMP]}),
        json.dumps({"products": [LAMP], "next": None}, indent=1),
        f"[\n\n{json.dumps(LAMP)}\n,\n]",
    ],
)
def test_shapes_of_a_file(tmp_path: Path, text: str) -> None:
    assert only(read(write(tmp_path, text=text), SAID)).sku == "LAMP-1"


def test_the_elements_of_an_array_have_lines(tmp_path: Path) -> None:
    objects = [{**LAMP, "sku": f"A-{number}", "text": '[{,"\\'} for number in range(20_000)]
    text = "[\n" + ",\n".join(json.dumps(each) for each in objects) + ",\n{broken}, 5\n]"
    found = read(write(tmp_path, text=text), SAID)
    assert [product.line for product in found.products] == list(range(2, 20_002))
    assert [(each.line, each.raw) for each in found.rejects] == [
        (20_002, "{broken}"),
        (20_002, "5"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "it is not"),
        ('{"sku": "A",}', "it is not valid JSON: "),
        ("[1]", "it is not a JSON object"),
        ("plain", "it is not"),
        ('{"sku": null}', "the sku is empty"),
        ('{"sku": true}', "the sku is True"),
        ('{"sku": ["A"]}', "is not a text"),
        ('{"sku": "a\\u0000"}', "control character"),
        ('{"sku": "a\\ud800"}', "control character"),
        ('{"sku": NaN}', "the sku is empty"),
        ('{"sku": 1' + "0" * 5000 + "}", "is not a text"),
        ('{"sku": ' + "[" * 5000 + "]" * 5000 + "}", "is not a text"),
        ("[" * 5000, "it is not"),
    ],
    ids=lambda value: value[:20],
)
def test_a_line_that_is_no_product_costs_no_other(tmp_path: Path, line: str, reason: str) -> None:
    found = read(write(tmp_path, LAMP, line, LAMP | {"sku": "B"}), SAID)
    assert [product.sku for product in found.products] == ["LAMP-1", "B"]
    assert (found.rejects[0].line, found.rejects[0].raw) == (2, line)
    assert reason in found.rejects[0].reason


@pytest.mark.parametrize(
    ("field", "broken"),
    [
        ('"x": NaN', True),
        ('"x": 1e999', True),
        ('"x": "\\ud800"', True),
        ('"x": "a\\u0000"', True),
        ('"x": "a\\\\u0000"', False),
        ('"x": ' + "[" * 50_000 + "]" * 50_000, True),
        ('"x": {"a": "]", "b": ' + "[" * 5000 + "]" * 5000 + "}", True),
        ('"x": 1' + "0" * 5000, True),
        ('"x": "' + "é" * 50_001 + '"', True),
        ('"x": 5', False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_details_that_can_not_be_stored_cost_no_more(
    tmp_path: Path, field: str, broken: bool
) -> None:
    line = f'{{"sku": "A", {field}, "title": "Lamp", "price": 3, "photo": "a.jpg"}}'
    found = read(write(tmp_path, line), SAID)
    product = only(found)
    assert product[1:5] == ("A", ("Lamp", None, Decimal(3), None, None), (), ("a.jpg",))
    assert [each.column for each in found.bad_values] == ["details"] * broken
    assert (product.details is None) is broken


def test_a_value_of_another_type_is_null_and_its_row_stays(tmp_path: Path) -> None:
    line = '{"sku": "A", "title": {"en": "Lamp"}, "price": 1%s, "photo": "../a.jpg"}' % ("0" * 310)
    found = read(write(tmp_path, line, LAMP), SAID)
    assert found.products[0].core == (None,) * 5
    assert sorted(each.column for each in found.bad_values) == ["photo", "price", "title"]


def test_fields_within_fields_and_lists_of_photos(tmp_path: Path) -> None:
    said = profile(
        """
        [source]
        format = "jsonl"
        sku = "id"
        title = "name.en"
        price = "offers.0.price"
        photo = "images"
        [attributes.tags]
        type = "text[]"
        """
    )
    item = {
        "id": "A",
        "name": {"en": "Lamp"},
        "offers": [{"price": "12.00 EUR"}],
        "images": [{"src": "https://x.example/1.jpg"}, "https://x.example/2.jpg"],
        "tags": ["brass", "warm, small"],
    }
    product = only(read(write(tmp_path, item), said))
    assert product.core[:3] == ("Lamp", None, Decimal("12.00"))
    assert product.photos == ("https://x.example/1.jpg", "https://x.example/2.jpg")
    assert product.attributes == (["brass", "warm, small"],)


def test_mixed_types_do_not_mix(tmp_path: Path) -> None:
    said = profile('[source]\nformat = "jsonl"\nsku = "id"\ntitle = "t"')
    objects = [{"id": at, "t": value} for at, value in enumerate([1, True, 1.0, "1"], start=1)]
    titles = [product.core[0] for product in read(write(tmp_path, *objects), said).products]
    assert titles == ["1", "true", "1", "1"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sku,title\nA,B\n", "is not a JSON Lines file"),
        ("<html>", "is a web page"),
        ('[{"sku": "A"}, {"sku": "B"', "is cut off"),
        ('{"sku": "A"}', "has no column 'title'"),
        ('{"id": "A", "title": "", "price": 1, "photo": ""}', "its columns are: id, title, price"),
    ],
)
def test_an_unusable_file_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(LookalikeError, match=complaint):
        read(write(tmp_path, text=text), SAID)


def test_an_unreadable_first_line_is_a_reject(tmp_path: Path) -> None:
    found = read(write(tmp_path, "{broken", LAMP), SAID)
    assert reasons(found.rejects) == [
        "it is not valid JSON: Expecting property name enclosed in double quotes at character 2"
    ]
    assert open_source(str(write(tmp_path, LAMP)), SAID).size() == 1
