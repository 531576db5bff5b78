"""Similar to an uploaded photo: any picture, no matter how it is stored."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pillow_heif
import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageOps

from tests.http.conftest import Product, ask, encoded, ids, upload

pytestmark = pytest.mark.slow


def test_a_photo_of_the_catalog_finds_its_product_and_then_what_that_finds(
    reader: FlaskClient, product: Product
) -> None:
    item_id, photo = product
    body = ask(reader, photo, top_n=6).get_json()
    by_id = reader.get(f"/api/v1/items/{item_id}/similar?top_n=5").get_json()
    assert body.keys() == by_id.keys()
    assert (body["model"], body["search"], body["returned"]) == ("compact", "exact", 6)
    first, *others = body["results"]
    assert first["item_id"] == item_id
    assert first["similarity"] == pytest.approx(1, abs=1e-3)
    assert others == [
        {**result, **{name: pytest.approx(result[name], abs=1e-3) for name in MEASURED}}
        for result in by_id["results"]
    ]


MEASURED = ("similarity", "distance")


def test_the_answer_says_which_photo_it_is_about(reader: FlaskClient, product: Product) -> None:
    _, photo = product
    image = ImageOps.fit(Image.open(io.BytesIO(photo)), (90, 120))
    body = ask(reader, encoded(image), gender="Men").get_json()
    asked = body["query"]["image"]
    assert (len(asked["sha256"]), asked["width"], asked["height"]) == (64, 90, 120)
    assert body["query"] == {"image": asked, "top_n": 5, "filters": {"gender": ["Men"]}}


def turned(image: Image.Image, orientation: int) -> bytes:
    """A PNG whose pixels are turned and whose EXIF says how to turn them back."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image.transpose(Image.Transpose(back[orientation])), "PNG", exif=exif)


LOSSLESS: dict[str, Callable[[Image.Image], bytes]] = {
    "TIFF": lambda image: encoded(image, "TIFF", compression="tiff_lzw"),
    "BMP": lambda image: encoded(image, "BMP"),
    "WebP": lambda image: encoded(image, "WEBP", lossless=True),
    "alpha": lambda image: encoded(image.convert("RGBA"), "PNG"),
    "PNG of other compression": lambda image: encoded(image, "PNG", compress_level=1),
    **{f"turned {at}": lambda image, at=at: turned(image, at) for at in range(2, 9)},  # type: ignore[misc]
}


@pytest.fixture(scope="module")
def answered(reader: FlaskClient, product: Product) -> dict[str, Any]:
    """The answer about the product's photo, as a PNG."""
    image = Image.open(io.BytesIO(product[1])).convert("RGB")
    return dict(ask(reader, encoded(image), top_n=10).get_json())


@pytest.mark.parametrize("way", LOSSLESS)
def test_the_same_picture_stored_two_ways_has_the_same_neighbours(
    reader: FlaskClient, product: Product, answered: dict[str, Any], way: str
) -> None:
    image = Image.open(io.BytesIO(product[1])).convert("RGB")
    body = ask(reader, LOSSLESS[way](image), top_n=10).get_json()
    assert body["results"] == answered["results"]


def heic(image: Image.Image) -> bytes:
    """A photo as an iPhone stores it."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=90)
    return buffer.getvalue()


LOSSY: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG": lambda image: encoded(image, "JPEG", quality=92),
    "CMYK": lambda image: encoded(image.convert("CMYK"), "JPEG", quality=92),
    "WebP": lambda image: encoded(image, "WEBP", quality=90),
    "AVIF": lambda image: encoded(image, "AVIF", quality=90),
    "HEIC": heic,
    "palette": lambda image: encoded(image.quantize(256)),
    "animated GIF": lambda image: encoded(
        image, "GIF", save_all=True, append_images=[Image.new("RGB", image.size, "red")]
    ),
    "larger": lambda image: encoded(image.resize((image.width * 2, image.height * 2)), "PNG"),
}


@pytest.mark.parametrize("way", LOSSY)
def test_a_lossy_copy_still_finds_its_product(
    reader: FlaskClient, product: Product, way: str
) -> None:
    image = Image.open(io.BytesIO(product[1])).convert("RGB")
    first = ask(reader, LOSSY[way](image), top_n=1).get_json()["results"][0]
    assert first["item_id"] == product[0]
    assert first["similarity"] > 0.9


def test_grey_pictures_are_one_however_deep(reader: FlaskClient, product: Product) -> None:
    grey = Image.open(io.BytesIO(product[1])).convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    answers = [
        ask(reader, encoded(image), top_n=10).get_json()["results"]
        for image in (grey, deep, grey.convert("RGB"), grey.convert("LA"))
    ]
    assert answers == [answers[0]] * 4
    assert len(answers[0]) == 10


def test_parameters_may_stand_in_the_form_or_in_the_url(
    reader: FlaskClient, product: Product
) -> None:
    _, photo = product
    every = ask(reader, photo, top_n=1000).get_json()["results"]
    colours = sorted({result["base_colour"] for result in every})[:2]
    expected = [result["item_id"] for result in every if result["base_colour"] in colours]
    in_form = ask(reader, photo, top_n="1000", base_colour=colours).get_json()
    in_url = reader.post(
        "/api/v1/similar",
        query_string={"top_n": "1000", "base_colour": colours},
        data={"image": upload(photo)},
    ).get_json()
    both = reader.post(
        "/api/v1/similar",
        query_string={"top_n": "3", "base_colour": "Mauve"},
        data={"image": upload(photo), "top_n": "1000", "base_colour": colours},
    ).get_json()
    assert ids(in_form) == ids(in_url) == ids(both) == expected
    assert in_form["query"] == in_url["query"] == both["query"]


def test_numbers_of_a_form_stay_the_text_they_are(reader: FlaskClient, product: Product) -> None:
    response = ask(reader, product[1], brand_name=["1999", "null"], year_min="2011")
    asked = response.get_json()["query"]["filters"]
    assert asked == {"brand_name": ["1999", "null"], "year_min": 2011}


def test_the_product_of_the_photo_is_a_duplicate(reader: FlaskClient, product: Product) -> None:
    item_id, photo = product
    assert ids(ask(reader, photo).get_json())[0] == item_id
    answer = ask(reader, photo, exclude_duplicates="true", explain="true").get_json()
    assert item_id not in ids(answer)
    assert answer["returned"] == 5
    assert answer["explain"]["model"] == "compact"
