"""Recommendations: like some products and photos, unlike others."""

import json
from typing import Any

import numpy as np
import psycopg
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray
from pgvector.psycopg import register_vector

from tests.http.conftest import ids, refusal, upload

PATH = "/api/v1/recommendations"


Vectors = dict[int, NDArray[np.float64]]


@pytest.fixture
def vectors(reader_url: str) -> Vectors:
    """All products' vectors."""
    with psycopg.connect(reader_url) as connection:
        register_vector(connection)
        rows = connection.execute("SELECT item_id, embedding FROM item_embeddings ORDER BY 1")
        return {item_id: vector.to_numpy().astype(np.float64) for item_id, vector in rows}


def answer(client: FlaskClient, **asked: Any) -> dict[str, Any]:
    response = client.post(PATH, json=asked)
    assert response.status_code == 200, response.text
    return dict(response.get_json())


def ranked(vectors: Vectors, target: NDArray[np.float64], leave_out: set[int]) -> list[int]:
    """The products by cosine similarity to a vector."""
    others = [item_id for item_id in vectors if item_id not in leave_out]
    return sorted(others, key=lambda item_id: -float(vectors[item_id] @ target))


def test_one_positive_is_the_search_by_id(reader: FlaskClient, vectors: Vectors) -> None:
    item_id = min(vectors)
    body = answer(reader, positive=[item_id], top_n=20)
    by_id = reader.get(f"/api/v1/items/{item_id}/similar?top_n=20").get_json()
    assert ids(body) == ids(by_id)
    assert body["unknown_ids"] == []
    assert body.keys() - by_id.keys() == {"unknown_ids"}
    assert body["query"] == {
        "positive": [{"item_id": item_id, "sku": str(item_id), "weight": 1.0}],
        "negative": [],
        "top_n": 20,
        "filters": {},
    }


def test_several_are_their_weighted_mean(reader: FlaskClient, vectors: Vectors) -> None:
    one, two, three = list(vectors)[:3]
    positive = [{"item_id": one, "weight": 3}, two, {"item_id": three, "weight": 0.5}]
    body = answer(reader, positive=positive, top_n=10)
    target = 3 * vectors[one] + vectors[two] + 0.5 * vectors[three]
    assert ids(body) == ranked(vectors, target, {one, two, three})[:10]
    expected = vectors[ids(body)[0]] @ target / np.linalg.norm(target)
    assert body["results"][0]["similarity"] == pytest.approx(expected, abs=1e-3)


def test_only_the_proportion_of_weights_counts(reader: FlaskClient, vectors: Vectors) -> None:
    one, two = list(vectors)[:2]

    def weighted(by: float) -> list[int]:
        twice = {"item_id": one, "weight": 2 * by}
        return ids(answer(reader, positive=[twice, {"item_id": two, "weight": by}]))

    answers = [weighted(by) for by in (1, 1e-300, 8e307)]
    assert answers == [answers[0]] * 3
    assert answers[0] == ids(answer(reader, positive=[one, two, one]))


def test_negatives_push_away(reader: FlaskClient, vectors: Vectors) -> None:
    one, two, three, four = list(vectors)[:4]
    body = answer(
        reader, positive=[one, two], negative=[{"item_id": three, "weight": 2}, four], top_n=10
    )
    likes = (vectors[one] + vectors[two]) / 2
    dislikes = (2 * vectors[three] + vectors[four]) / 3
    target = likes + (likes - dislikes)
    assert ids(body) == ranked(vectors, target, {one, two, three, four})[:10]
    assert ids(body) != ids(answer(reader, positive=[one, two], top_n=10))


def test_the_same_product_both_ways_is_no_answer_and_no_error(
    reader: FlaskClient, vectors: Vectors
) -> None:
    item_id = min(vectors)
    body = answer(reader, positive=[item_id], negative=[item_id])
    assert ids(body) == ranked(vectors, vectors[item_id], {item_id})[:5]


def test_filters_and_options_are_those_of_every_search(
    reader: FlaskClient, vectors: Vectors
) -> None:
    item_id = min(vectors)
    asked = {
        "positive": [item_id],
        "filters": {"gender": ["Men", "Women"], "year_min": 2011},
        "top_n": 50,
        "max_per": ["article_type:1"],
        "min_similarity": 0.1,
        "explain": True,
    }
    body = answer(reader, **asked)
    by_id = reader.get(
        f"/api/v1/items/{item_id}/similar?gender=Men&gender=Women&year_min=2011&top_n=50"
        "&max_per=article_type:1&min_similarity=0.1&explain=true"
    ).get_json()
    assert ids(body) == ids(by_id) != []
    types = [result["article_type"] for result in body["results"]]
    assert len(types) == len(set(types))
    assert body["explain"]["reason"] == by_id["explain"]["reason"]
    for name in ("positive", "negative"):
        del body["query"][name]
    for name in ("item_id", "sku"):
        del by_id["query"][name]
    assert body["query"] == by_id["query"]


def test_what_is_not_known_is_listed(
    client: FlaskClient, catalog_url: str, vectors: Vectors
) -> None:
    one, two, gone, pending = list(vectors)[:4]
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE items SET removed_at = now() WHERE item_id = %s", [gone])
        connection.execute("DELETE FROM embeddings WHERE item_id = %s", [pending])
        row = connection.execute(
            "SELECT item_id FROM items LEFT JOIN photos USING (item_id) WHERE sha256 IS NULL"
        ).fetchone()
    assert row is not None
    unknown = [2**63 - 1, row[0], gone, pending]
    body = answer(client, positive=[one, *unknown[:3]], negative=[two, unknown[3]])
    assert body["unknown_ids"] == unknown
    assert ids(body) == ids(answer(client, positive=[one], negative=[two]))
    problem = refusal(client.post(PATH, json={"positive": unknown, "negative": [two]}), 422)
    assert problem["parameters"] == ["positive"]
    assert "known" in problem["detail"]


def test_examples_that_cancel_out_are_told(
    client: FlaskClient, catalog_url: str, vectors: Vectors
) -> None:
    one, two = list(vectors)[:2]
    with psycopg.connect(catalog_url) as connection:
        connection.execute(
            "UPDATE embeddings SET embedding = (SELECT embedding * array_fill(-1::real, "
            "ARRAY[256])::halfvec FROM embeddings WHERE item_id = %s) WHERE item_id = %s",
            [one, two],
        )
    problem = refusal(client.post(PATH, json={"positive": [one, two]}), 422)
    assert problem["parameters"] == ["positive"]
    assert "cancel each other out" in problem["detail"]
    assert ids(answer(client, positive=[{"item_id": one, "weight": 1.5}, two]))


def test_duplicates_of_any_example_can_be_left_out(
    client: FlaskClient, catalog_url: str, vectors: Vectors
) -> None:
    one, two, copy, twin = list(vectors)[:4]
    with psycopg.connect(catalog_url) as connection:
        same_vector = (
            "UPDATE embeddings SET embedding = (SELECT embedding FROM embeddings "
            "WHERE item_id = %s) WHERE item_id = %s"
        )
        same_file = (
            "UPDATE photos SET sha256 = (SELECT sha256 FROM photos "
            "WHERE item_id = %s) WHERE item_id = %s"
        )
        connection.execute(same_vector, [one, twin])
        connection.execute(same_file, [two, copy])
    asked = {"positive": [one, two], "top_n": 1000}
    assert {copy, twin} < set(ids(answer(client, **asked)))
    assert not {copy, twin} & set(ids(answer(client, **asked, exclude_duplicates=True)))


@pytest.mark.slow
def test_photos_are_examples_too(
    reader: FlaskClient, vectors: Vectors, product: tuple[int, bytes], sample_catalog: Any
) -> None:
    item_id, photo = product
    other = next(other for other in vectors if other != item_id)
    unlike = (sample_catalog / "images" / f"{other}.jpg").read_bytes()
    form = {
        "request": json.dumps({"positive": [item_id], "negative": [99], "top_n": 8}),
        "positive_image": upload(photo),
        "negative_image": [upload(unlike), upload(unlike)],
    }
    body = reader.post(PATH, data=form).get_json()
    likes, dislikes = vectors[item_id], vectors[other]
    assert ids(body) == ranked(vectors, 2 * likes - dislikes, {item_id})[:8]
    assert body["unknown_ids"] == [99]
    asked = body["query"]
    image = {"sha256", "width", "height"}
    assert [set(example.get("image", {})) for example in asked["positive"]] == [set(), image]
    negative = [(set(e.get("image", {})), e["weight"]) for e in asked["negative"]]
    assert negative == [(set(), 1.0), (image, 1.0), (image, 1.0)]


@pytest.mark.slow
def test_a_photo_alone_is_the_search_by_photo(
    reader: FlaskClient, product: tuple[int, bytes]
) -> None:
    item_id, photo = product
    body = reader.post(PATH, data={"positive_image": upload(photo)}).get_json()
    by_photo = reader.post("/api/v1/similar", data={"image": upload(photo)}).get_json()
    assert ids(body) == ids(by_photo)
    assert ids(body)[0] == item_id


def test_the_openapi_document_describes_the_bodies(reader: FlaskClient) -> None:
    document = reader.get("/openapi.json").get_json()
    schemas = document["components"]["schemas"]

    def form(path: str, kind: str) -> dict[str, Any]:
        body = document["paths"][path]["post"]["requestBody"]
        name = body["content"][kind]["schema"]["$ref"].rpartition("/")[2]
        return dict(schemas[name]["properties"])

    photo = form("/api/v1/similar", "multipart/form-data")
    assert photo["image"]["format"] == "binary"
    assert {"top_n", "gender", "price_max", "diversity"} < set(photo)
    asked = form(PATH, "application/json")
    assert {"positive", "negative", "filters", "top_n"} < set(asked)
    assert {"request", "positive_image"} < set(form(PATH, "multipart/form-data"))
    responses = document["paths"][PATH]["post"]["responses"]
    assert responses["200"]["content"]["application/json"]["schema"]["$ref"].endswith("mendations")
    assert set(responses) == {"200", "413", "415", "422", "503", "default"}
    references = set(json.dumps(document).split('"#/components/schemas/')[1:])
    assert {reference.partition('"')[0] for reference in references} <= set(schemas)
