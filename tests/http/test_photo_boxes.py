"""Searches with a part of a photo."""

import io
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.http.conftest import Product, ask, encoded, ids, refusal, upload

pytestmark = pytest.mark.slow

EDGE = 448
CORNERS = {"0,0": (0, 0), "0.5,0": (1, 0), "0,0.5": (0, 1), "0.5,0.5": (1, 1)}


@pytest.fixture(scope="module")
def shown(reader: FlaskClient, sample_catalog: Path) -> list[Product]:
    """Four products that don't look alike, and their photos."""
    found = reader.get("/api/v1/items?limit=100").get_json()["items"]
    by_type = {item["article_type"]: item["item_id"] for item in found if item["image_url"]}
    chosen = [by_type[kind] for kind in sorted(by_type)[:4]]
    assert len(chosen) == 4
    return [(one, (sample_catalog / "images" / f"{one}.jpg").read_bytes()) for one in chosen]


@pytest.fixture(scope="module")
def composed(shown: list[Product]) -> Image.Image:
    """Their photos side by side, as on a page of a magazine."""
    page = Image.new("RGB", (2 * EDGE, 2 * EDGE), "#7a8f6a")
    for (_, photo), (column, row) in zip(shown, CORNERS.values(), strict=True):
        image = Image.open(io.BytesIO(photo)).convert("RGB").resize((EDGE, EDGE))
        page.paste(image, (column * EDGE, row * EDGE))
    return page


def boxes() -> list[str]:
    """The four quarters."""
    return [f"{x / 2},{y / 2},{x / 2 + 0.5},{y / 2 + 0.5}" for x, y in CORNERS.values()]


def test_the_box_around_a_product_finds_it_first(
    reader: FlaskClient, shown: list[Product], composed: Image.Image
) -> None:
    photo = encoded(composed, "JPEG")
    for (item_id, _), box in zip(shown, boxes(), strict=True):
        answer = ask(reader, photo, box=box, top_n=3).get_json()
        assert ids(answer)[0] == item_id
        assert answer["results"][0]["similarity"] > 0.9
        assert answer["query"]["image"]["box"] == [float(edge) for edge in box.split(",")]
    whole = ask(reader, photo, top_n=1).get_json()
    assert whole["results"][0]["similarity"] < 0.9


def test_the_box_is_of_the_upright_photo(
    reader: FlaskClient, shown: list[Product], composed: Image.Image
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(composed.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    for (item_id, _), box in zip(shown, boxes(), strict=True):
        assert ids(ask(reader, turned, box=box, top_n=1).get_json()) == [item_id]


def test_the_box_of_a_whole_photo_is_no_box(reader: FlaskClient, product: Product) -> None:
    whole = ask(reader, product[1], top_n=20).get_json()
    boxed = ask(reader, product[1], top_n=20, box="0,0,1,1").get_json()
    assert boxed["results"] == whole["results"]
    assert "box" not in whole["query"]["image"]


def test_the_box_may_stand_in_the_url(
    reader: FlaskClient, shown: list[Product], composed: Image.Image
) -> None:
    photo, (first, *_, last) = encoded(composed, "JPEG"), boxes()
    in_url = reader.post(f"/api/v1/similar?box={last}", data={"image": upload(photo)})
    assert ids(in_url.get_json())[0] == shown[-1][0]
    both = reader.post(f"/api/v1/similar?box={last}", data={"image": upload(photo), "box": first})
    assert ids(both.get_json())[0] == shown[0][0]


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ("0,0,1.5,1", "each from 0 to 1"),
        ("-0.5,0,1,1", "each from 0 to 1"),
        ("nan,0,1,1", "each from 0 to 1"),
        ("0.9,0,0.1,1", "x0 less than x1"),
        ("0,0.5,1,0.5", "with an area"),
        ("0,0,1", "four numbers"),
        ("all of it", "four numbers"),
        ("", "four numbers"),
    ],
)
def test_a_box_that_is_none_is_refused(
    reader: FlaskClient, product: Product, box: str, reason: str
) -> None:
    in_form = ask(reader, product[1], box=box)
    in_url = reader.post(
        "/api/v1/similar", query_string={"box": box}, data={"image": upload(product[1])}
    )
    for response in (in_form, in_url):
        problem = refusal(response, 422)
        assert problem["parameters"] == ["box"]
        assert problem["detail"].startswith("box: expected ")
        assert reason in problem["detail"]
        assert ";" not in problem["detail"]
    several = ask(reader, product[1], box=["0,0,1,1", "0,0,1,1"])
    assert refusal(several, 422)["parameters"] == ["box"]


RECOMMENDATIONS = "/api/v1/recommendations"


def test_examples_have_boxes_too(
    reader: FlaskClient, shown: list[Product], composed: Image.Image
) -> None:
    photo, (first, second, *_) = encoded(composed, "JPEG"), boxes()
    alone = reader.post(
        RECOMMENDATIONS, data={"positive_image": upload(photo), "positive_box": first}
    ).get_json()
    assert ids(alone)[0] == shown[0][0]
    assert alone["query"]["positive"][0]["image"]["box"] == [0, 0, 0.5, 0.5]
    several = reader.post(
        RECOMMENDATIONS,
        data={
            "positive_image": [upload(photo), upload(photo)],
            "positive_box": [first, "0,0,1,1"],
            "negative_image": upload(photo),
            "negative_box": second,
        },
    ).get_json()
    sides = several["query"]["positive"] + several["query"]["negative"]
    assert [side["image"]["box"] for side in sides] == [
        [0, 0, 0.5, 0.5],
        [0, 0, 1, 1],
        [0.5, 0, 1, 0.5],
    ]


@pytest.mark.parametrize("side", ["positive", "negative"])
def test_there_is_one_box_for_each_example(
    reader: FlaskClient, product: Product, side: str
) -> None:
    photos = {"positive_image": upload(product[1]), "negative_image": upload(product[1])}
    two = {f"{side}_box": ["0,0,1,1", "0,0,1,1"], **photos}
    problem = refusal(reader.post(RECOMMENDATIONS, data=two), 422)
    assert problem["parameters"] == [f"{side}_box"]
    assert f"one for each {side}_image, 1, not 2" in problem["detail"]
    photos = {"positive_image": upload(product[1]), "negative_image": upload(product[1])}
    bad = reader.post(RECOMMENDATIONS, data={f"{side}_box": "0,0,2,2", **photos})
    assert refusal(bad, 422)["parameters"] == [f"{side}_box.0"]


def test_the_openapi_document_describes_the_box(reader: FlaskClient) -> None:
    document = reader.get("/openapi.json").get_json()
    in_url = document["paths"]["/api/v1/similar"]["post"]["parameters"]
    (described,) = [parameter for parameter in in_url if parameter["name"] == "box"]
    assert "fractions" in described["description"]
    fields = document["components"]["schemas"]["PhotoForm"]["properties"]
    assert fields["box"]["description"] == described["description"]
    assert "positive_box" in document["components"]["schemas"]["ExamplesForm"]["properties"]
