"""Recommendations: like some products and photos, unlike others."""

import json
from typing import Any

import numpy as np
import psycopg
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray
from pgvector.psycopg import register_vector

from tests.http.conftest import refusal, upload

PATH = "/api/v1/recommendations"
Vectors = dict[int, NDArray[np.float64]]


@pytest.fixture
def vectors(catalog_url: str) -> Vectors:
    """All products' vectors."""
    with psycopg.connect(catalog_url) as connection:
        register_vector(connection)
        rows = connection.execute("SELECT item_id, embedding FROM item_embeddings ORDER BY 1")
        return {item_id: vector.to_numpy().astype(np.float64) for item_id, vector in rows}


def answer(client: FlaskClient, **asked: Any) -> dict[str, Any]:
    response = client.post(PATH, json=asked)
    assert response.status_code == 200, response.text
    return dict(response.get_json())


def found(body: dict[str, Any]) -> list[int]:
    return [result["item_id"] for result in body["results"]]


def ranked(vectors: Vectors, target: NDArray[np.float64], leave_out: set[int]) -> list[int]:
    """The products by cosine similarity to a vector."""
    others = [item_id for item_id in vectors if item_id not in leave_out]
    return sorted(others, key=lambda item_id: -float(vectors[item_id] @ target))


def test_one_positive_is_the_search_by_id(client: FlaskClient, vectors: Vectors) -> None:
    item_id = min(vectors)
    body = answer(client, positive=[item_id], top_n=20)
    by_id = client.get(f"/api/v1/items/{item_id}/similar?top_n=20").get_json()
    assert found(body) == found(by_id)
    assert body["unknown_ids"] == []
    assert body.keys() - by_id.keys() == {"unknown_ids"}
    assert body["query"] == {
        "positive": [{"item_id": item_id, "weight": 1.0}],
        "negative": [],
        "top_n": 20,
        "filters": {},
    }


def test_several_are_their_weighted_mean(client: FlaskClient, vectors: Vectors) -> None:
    one, two, three = list(vectors)[:3]
    positive = [{"item_id": one, "weight": 3}, two, {"item_id": three, "weight": 0.5}]
    body = answer(client, positive=positive, top_n=10)
    target = 3 * vectors[one] + vectors[two] + 0.5 * vectors[three]
    assert found(body) == ranked(vectors, target, {one, two, three})[:10]
    expected = vectors[found(body)[0]] @ target / np.linalg.norm(target)
    assert body["results"][0]["similarity"] == pytest.approx(expected, abs=1e-3)


def test_only_the_proportion_of_weights_counts(client: FlaskClient, vectors: Vectors) -> None:
    one, two = list(vectors)[:2]

    def weighted(by: float) -> list[int]:
        twice = {"item_id": one, "weight": 2 * by}
        return found(answer(client, positive=[twice, {"item_id": two, "weight": by}]))

    answers = [weighted(by) for by in (1, 1e-300, 8e307)]
    assert answers == [answers[0]] * 3
    assert answers[0] == found(answer(client, positive=[one, two, one]))


def test_negatives_push_away(client: FlaskClient, vectors: Vectors) -> None:
    one, two, three, four = list(vectors)[:4]
    body = answer(
        client, positive=[one, two], negative=[{"item_id": three, "weight": 2}, four], top_n=10
    )
    likes = (vectors[one] + vectors[two]) / 2
    dislikes = (2 * vectors[three] + vectors[four]) / 3
    target = likes + (likes - dislikes)
    assert found(body) == ranked(vectors, target, {one, two, three, four})[:10]
    assert found(body) != found(answer(client, positive=[one, two], top_n=10))


def test_the_same_product_both_ways_is_no_answer_and_no_error(
    client: FlaskClient, vectors: Vectors
) -> None:
    item_id = min(vectors)
    body = answer(client, positive=[item_id], negative=[item_id])
    assert found(body) == ranked(vectors, vectors[item_id], {item_id})[:5]


def test_filters_and_options_are_those_of_every_search(
    client: FlaskClient, vectors: Vectors
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
    body = answer(client, **asked)
    by_id = client.get(
        f"/api/v1/items/{item_id}/similar?gender=Men&gender=Women&year_min=2011&top_n=50"
        "&max_per=article_type:1&min_similarity=0.1&explain=true"
    ).get_json()
    assert found(body) == found(by_id) != []
    types = [result["article_type"] for result in body["results"]]
    assert len(types) == len(set(types))
    assert body["explain"]["reason"] == by_id["explain"]["reason"]
    del body["query"]["positive"], body["query"]["negative"], by_id["query"]["item_id"]
    assert body["query"] == by_id["query"]


def test_what_is_not_known_is_listed(
    client: FlaskClient, catalog_url: str, vectors: Vectors
) -> None:
    one, two, gone, pending = list(vectors)[:4]
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE items SET removed_at = now() WHERE item_id = %s", [gone])
        connection.execute("DELETE FROM embeddings WHERE item_id = %s", [pending])
        row = connection.execute("SELECT item_id FROM items WHERE image_path IS NULL").fetchone()
    assert row is not None
    unknown = [2**63 - 1, row[0], gone, pending]
    body = answer(client, positive=[one, *unknown[:3]], negative=[two, unknown[3]])
    assert body["unknown_ids"] == sorted(unknown)
    assert found(body) == found(answer(client, positive=[one], negative=[two]))
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
    assert found(answer(client, positive=[{"item_id": one, "weight": 1.5}, two]))


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
            "UPDATE items SET image_sha256 = (SELECT image_sha256 FROM items "
            "WHERE item_id = %s) WHERE item_id = %s"
        )
        connection.execute(same_vector, [one, twin])
        connection.execute(same_file, [two, copy])
    asked = {"positive": [one, two], "top_n": 1000}
    assert {copy, twin} < set(found(answer(client, **asked)))
    assert not {copy, twin} & set(found(answer(client, **asked, exclude_duplicates=True)))


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "positive"),
        ({"positive": []}, "positive"),
        ({"positive": [], "negative": [10]}, "positive"),
        ({"positive": [99], "negative": [98]}, "positive"),
        ({"positive": 5}, "positive"),
        ({"positive": ["5"]}, "positive.0.item_id"),
        ({"positive": [True]}, "positive.0.item_id"),
        ({"positive": [0]}, "positive.0.item_id"),
        ({"positive": [2**63]}, "positive.0.item_id"),
        ({"positive": [{"weight": 2}]}, "positive.0.item_id"),
        ({"positive": [{"item_id": 5, "weight": 0}]}, "positive.0.weight"),
        ({"positive": [{"item_id": 5, "weight": -1}]}, "positive.0.weight"),
        ({"positive": [{"item_id": 5, "weight": "2"}]}, "positive.0.weight"),
        ({"positive": [{"item_id": 5, "weight": float("nan")}]}, "positive.0.weight"),
        ({"positive": [{"item_id": 5, "weight": float("inf")}]}, "positive.0.weight"),
        ({"positive": [{"item_id": 5, "wieght": 1}]}, "positive.0.wieght"),
        ({"positive": [5], "negative": ["x"]}, "negative.0.item_id"),
        ({"positive": [*range(1, 102)]}, "positive"),
        ({"positive": [5], "negative": [*range(1, 102)]}, "negative"),
        ({"positive": [5], "top_n": 0}, "top_n"),
        ({"positive": [5], "filters": {"colour": "Red"}}, "filters.colour"),
        ({"positive": [5], "filters": {"year_min": "soon"}}, "filters.year_min"),
        ({"positive": [5], "gender": "Men"}, "gender"),
        ({"positive": [5], "limit": 5}, "limit"),
        ([5], "body"),
        ("5", "body"),
        (None, "body"),
    ],
)
def test_a_bad_question_is_named(reader: FlaskClient, asked: Any, name: str) -> None:
    problem = refusal(reader.post(PATH, data=json.dumps(asked)), 422)
    assert problem["parameters"] == [name]
    assert name in problem["detail"]


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"positive": [1,]}'])
def test_what_is_no_json_is_told(reader: FlaskClient, text: bytes) -> None:
    for kind in ("application/json", "text/plain"):
        problem = refusal(reader.post(PATH, data=text, content_type=kind), 422)
        assert "expected JSON" in problem["detail"]


def test_a_long_text_is_refused(reader: FlaskClient) -> None:
    question = json.dumps({"positive": [5], "note": "x" * 1_000_000})
    assert "1 MB" in refusal(reader.post(PATH, data=question), 413)["detail"]
    form = f'--x\r\nContent-Disposition: form-data; name="request"\r\n\r\n{question}\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x"
    refusal(reader.post(PATH, data=form, content_type=kind), 413)


def test_photos_are_examples_too(
    client: FlaskClient, vectors: Vectors, product: tuple[int, bytes], sample_catalog: Any
) -> None:
    item_id, photo = product
    other = next(other for other in vectors if other != item_id)
    unlike = (sample_catalog / "images" / f"{other}.jpg").read_bytes()
    form = {
        "request": json.dumps({"positive": [item_id], "negative": [99], "top_n": 8}),
        "positive_image": upload(photo),
        "negative_image": [upload(unlike), upload(unlike)],
    }
    body = client.post(PATH, data=form).get_json()
    likes, dislikes = vectors[item_id], vectors[other]
    assert found(body) == ranked(vectors, 2 * likes - dislikes, {item_id})[:8]
    assert body["unknown_ids"] == [99]
    asked = body["query"]
    image = {"sha256", "width", "height"}
    assert [set(example.get("image", {})) for example in asked["positive"]] == [set(), image]
    negative = [(set(e.get("image", {})), e["weight"]) for e in asked["negative"]]
    assert negative == [(set(), 1.0), (image, 1.0), (image, 1.0)]


def test_a_photo_alone_is_the_search_by_photo(
    reader: FlaskClient, product: tuple[int, bytes]
) -> None:
    item_id, photo = product
    body = reader.post(PATH, data={"positive_image": upload(photo)}).get_json()
    by_photo = reader.post("/api/v1/similar", data={"image": upload(photo)}).get_json()
    assert found(body) == found(by_photo)
    assert found(body)[0] == item_id


def test_bad_photos_and_forms_are_named(reader: FlaskClient, product: tuple[int, bytes]) -> None:
    _, photo = product
    half = {"positive_image": upload(photo), "negative_image": upload(photo[:99])}
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"positive_image": upload(b"text")}, 415, "positive_image"),
        (half, 422, "negative_image"),
        ({"negative_image": upload(photo)}, 422, "positive"),
        ({"positive_image": "text"}, 422, "positive_image.0"),
        ({"positive_image": [upload(photo) for _ in range(11)]}, 422, "positive_image"),
        ({"image": upload(photo)}, 422, "image"),
        ({"positive_image": upload(photo), "request": "{"}, 422, "request"),
        ({"positive_image": upload(photo), "request": '{"top_n": 0}'}, 422, "top_n"),
    ]  # fmt: skip
    for form, status, name in cases:
        response = reader.post(PATH, data=form, content_type="multipart/form-data")
        assert refusal(response, status)["parameters"] == [name]


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
    assert set(responses) == {"200", "413", "415", "422", "503"}
    references = set(json.dumps(document).split('"#/components/schemas/')[1:])
    assert {reference.partition('"')[0] for reference in references} <= set(schemas)
