"""Products with several photos: found once, by the best one."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.conftest import client_of
from tests.http.conftest import encoded, refusal
from tests.http.html import asked, read
from tests.support.products import Vectors, store_model, store_product, unit_vectors

COUNT = 40
PHOTOS = 3
DIMENSIONS = 24


@pytest.fixture
def vectors() -> Vectors:
    """The products' vectors, `(COUNT, PHOTOS, DIMENSIONS)`."""
    flat = unit_vectors(COUNT * PHOTOS, DIMENSIONS)
    return np.asarray(flat.astype(np.float16).astype(np.float32).reshape(COUNT, PHOTOS, DIMENSIONS))


@pytest.fixture
def shop(empty_url: str, home: Path, tmp_path: Path, vectors: Vectors) -> Iterator[FlaskClient]:
    """A client of the application over products P00, P01, … with files of their photos."""
    with psycopg.connect(empty_url) as connection:
        store_model(connection, DIMENSIONS)
        for at in range(COUNT):
            photos = [f"P{at:02}-{position}.png" for position in range(1, PHOTOS + 1)]
            for position, photo in enumerate(photos, 1):
                picture = Image.new("RGB", (8, 8), (at, position, 0))
                (tmp_path / photo).write_bytes(encoded(picture))
            store_product(connection, f"P{at:02}", photos, list(vectors[at]))
        connection.execute("UPDATE catalogs SET root = %s, ingested_at = now()", [str(tmp_path)])
    with client_of(empty_url, home) as found:
        yield found


def expected(vectors: Vectors, asking: Vectors, leave_out: int) -> list[tuple[str, int]]:
    """Products and the positions of their best photos, by the closest of the asking vectors."""
    likeness = np.einsum("nd,cpd->cpn", asking, vectors).max(axis=2)
    ranked = sorted(
        (-float(likeness[at].max()), at, int(likeness[at].argmax()) + 1)
        for at in range(COUNT)
        if at != leave_out
    )
    return [(f"P{at:02}", position) for _, at, position in ranked]


@pytest.mark.parametrize("at", [0, 17])
def test_each_product_once_by_its_best_photo(shop: FlaskClient, vectors: Vectors, at: int) -> None:
    for photos, asking in (("first", vectors[at][:1]), ("all", vectors[at])):
        body = shop.get(f"/api/v1/items/P{at:02}/similar?top_n=1000&photos={photos}").get_json()
        found = [(result["sku"], result["photo_position"]) for result in body["results"]]
        assert found == expected(vectors, asking, at)
        assert body["query"].get("photos", "first") == photos
    by_default = shop.get(f"/api/v1/items/P{at:02}/similar?top_n=7").get_json()["results"]
    assert [r["sku"] for r in by_default] == [
        sku for sku, _ in expected(vectors, vectors[at][:1], at)[:7]
    ]


def test_an_answer_names_the_photo_that_matched(shop: FlaskClient) -> None:
    for result in shop.get("/api/v1/items/P03/similar?top_n=30").get_json()["results"]:
        position = result["photo_position"]
        url = f"/api/v1/items/{result['sku']}/image"
        assert result["image_url"] == (url if position == 1 else f"{url}?position={position}")
        with shop.get(result["image_url"]) as answer:
            red, green, _ = Image.open(io.BytesIO(answer.data)).getpixel((0, 0))  # type: ignore[misc]
        assert (f"P{red:02}", green) == (result["sku"], position)


def test_a_product_lists_its_photos(shop: FlaskClient, empty_url: str) -> None:
    item = shop.get("/api/v1/items/P05").get_json()
    url = "/api/v1/items/P05/image"
    assert item["photos"] == [
        {"position": 1, "image_url": url, "width": 60, "height": 80},
        {"position": 2, "image_url": f"{url}?position=2", "width": 60, "height": 80},
        {"position": 3, "image_url": f"{url}?position=3", "width": 60, "height": 80},
    ]
    assert item["image_url"] == url
    page = read(shop, "/items/P05")
    thumbnails = [str(i["src"]) for i in page.all("img") if "width=120" in str(i["src"])]
    positions = [asked(address).get("position", ["1"]) for address in thumbnails]
    assert positions == [["1"], ["2"], ["3"]]
    assert "position 4" in refusal(shop.get(f"{url}?position=4"), 404)["detail"]
    for wrong in ("0", "-1", "two", "99999", ""):
        assert refusal(shop.get(f"{url}?position={wrong}"), 422)["parameters"] == ["position"]
    assert refusal(shop.get(f"{url}?place=1"), 422)["parameters"] == ["place"]
    with psycopg.connect(empty_url) as connection:
        connection.execute("DELETE FROM photos WHERE position = 1")
        connection.execute("DELETE FROM embeddings WHERE position = 1")
    item = shop.get("/api/v1/items/P05").get_json()
    assert item["image_url"] == f"{url}?position=2"
    with shop.get(url) as answer:
        assert answer.status_code == 200
    assert shop.get("/api/v1/items/P05/similar").get_json()["returned"] == 5


def test_a_photo_of_the_product_itself_is_a_duplicate(shop: FlaskClient, empty_url: str) -> None:
    """P00's second photo is the file of P09's third."""
    with psycopg.connect(empty_url) as connection:
        connection.execute("UPDATE photos SET sha256 = 'P00-2.png' WHERE reference = 'P09-3.png'")
        connection.execute(
            "UPDATE embeddings SET embedding = (SELECT e.embedding FROM embeddings AS e "
            "JOIN items USING (item_id) WHERE sku = 'P00' AND position = 2) "
            "WHERE image_sha256 = 'P09-3.png'"
        )
    base = "/api/v1/items/P00/similar?photos=all&top_n=1000"
    first = shop.get(base).get_json()["results"][0]
    assert (first["sku"], first["photo_position"]) == ("P09", 3)
    assert first["similarity"] == pytest.approx(1, abs=1e-3)
    kept = shop.get(f"{base}&exclude_duplicates=true").get_json()["results"]
    assert "P09" not in {result["sku"] for result in kept}


def test_which_photos_is_a_choice_of_two(shop: FlaskClient) -> None:
    problem = refusal(shop.get("/api/v1/items/P00/similar?photos=second"), 422)
    assert problem["parameters"] == ["photos"]
