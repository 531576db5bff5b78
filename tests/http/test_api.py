"""The HTTP API, question by question."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from app.encoders.registry import get_backbone
from app.http import create_app
from app.items.cursors import digest, encode
from app.items.keys import LAST_ID
from app.models import register
from app.settings import Settings
from tests.conftest import Cli, client_of
from tests.http.conftest import Product


@pytest.fixture
def ids(catalog_url: str) -> dict[str, int]:
    """An embedded item, one without a photo, and one that is not listed any more."""
    with psycopg.connect(catalog_url) as connection:

        def one(statement: str) -> int:
            row = connection.execute(statement).fetchone()
            assert row is not None
            return int(row[0])

        embedded = one("SELECT min(item_id) FROM item_embeddings")
        bare = one(
            "SELECT min(item_id) FROM items LEFT JOIN photos USING (item_id) WHERE sha256 IS NULL"
        )
        gone = one(
            "UPDATE items SET removed_at = now() "
            "WHERE item_id = (SELECT max(item_id) FROM item_embeddings) RETURNING item_id"
        )
    return {"embedded": embedded, "bare": bare, "gone": gone}


def problem(client: FlaskClient, path: str, status: int) -> dict[str, Any]:
    response = client.get(path)
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    body = response.get_json()
    assert body["status"] == status
    assert body["title"]
    return dict(body)


def test_one_item(client: FlaskClient, ids: dict[str, int]) -> None:
    body = client.get(f"/api/v1/items/{ids['embedded']}").get_json()
    assert body["item_id"] == ids["embedded"]
    assert body["image_url"] == f"/api/v1/items/{ids['embedded']}/image"
    assert client.get(f"/api/v1/items/{ids['bare']}").get_json()["image_url"] is None


def test_the_photo_is_the_catalogs(
    client: FlaskClient, ids: dict[str, int], sample_catalog: Any
) -> None:
    with client.get(f"/api/v1/items/{ids['embedded']}/image") as response:
        assert response.content_type == "image/jpeg"
        photo = sample_catalog / "images" / f"{ids['embedded']}.jpg"
        assert response.data == photo.read_bytes()


def test_similar_items(reader: FlaskClient, product: Product) -> None:
    body = reader.get(f"/api/v1/items/{product[0]}/similar").get_json()
    assert (body["model"], body["requested"], body["returned"]) == ("compact", 5, 5)
    assert body["query"] == {
        "item_id": product[0],
        "sku": str(product[0]),
        "top_n": 5,
        "filters": {},
    }
    assert body["search"] == "exact"
    results = body["results"]
    assert product[0] not in {result["item_id"] for result in results}
    assert [result["similarity"] for result in results] == sorted(
        (result["similarity"] for result in results), reverse=True
    )
    for result in results:
        assert result["similarity"] == pytest.approx(1 - result["distance"])
        with reader.get(result["image_url"]) as photo:
            assert photo.status_code == 200


def test_filters_and_threshold(reader: FlaskClient, product: Product) -> None:
    base = f"/api/v1/items/{product[0]}/similar?top_n=1000"
    every = reader.get(base).get_json()["results"]
    colours = sorted({result["base_colour"] for result in every})[:2]
    chosen = reader.get(f"{base}&base_colour={colours[0]}&base_colour={colours[1]}").get_json()
    assert chosen["query"]["filters"] == {"base_colour": colours}
    assert [result["item_id"] for result in chosen["results"]] == [
        result["item_id"] for result in every if result["base_colour"] in colours
    ]
    threshold = every[3]["similarity"]
    kept = reader.get(f"{base}&min_similarity={threshold}").get_json()["results"]
    assert kept == [result for result in every if result["similarity"] >= threshold]


def test_an_unknown_value_is_an_empty_result(reader: FlaskClient, product: Product) -> None:
    response = reader.get(f"/api/v1/items/{product[0]}/similar?gender=Martians")
    assert (response.status_code, response.get_json()["returned"]) == (200, 0)


def test_three_ways_one_answer(
    client: FlaskClient, catalog_url: str, cli: Cli, ids: dict[str, int]
) -> None:
    item_id = ids["embedded"]
    over_http = client.get(f"/api/v1/items/{item_id}/similar?top_n=20").get_json()
    on_the_command_line = cli(catalog_url, "similar", item_id, "--top-n", 20, "--json")
    with psycopg.connect(catalog_url) as connection:
        in_sql = connection.execute(
            "SELECT item_id, similarity FROM similar_items(%s, 20)", [item_id]
        ).fetchall()
    assert json.loads(on_the_command_line.stdout) == over_http
    assert [(r["item_id"], r["similarity"]) for r in over_http["results"]] == in_sql
    assert len(in_sql) == 20


def test_three_reasons_not_to_answer(
    client: FlaskClient, catalog_url: str, cli: Cli, ids: dict[str, int]
) -> None:
    with psycopg.connect(catalog_url) as connection:
        connection.execute("DELETE FROM embeddings WHERE item_id = %s", [ids["embedded"]])
    cases = [
        (99, 404, "no product has the id 99"),
        (ids["gone"], 404, f"product {ids['gone']} is not listed any more"),
        (ids["bare"], 409, f"product {ids['bare']} has no photo"),
        (ids["embedded"], 409, "is not embedded by compact yet"),
    ]
    for item_id, status, words in cases:
        body = problem(client, f"/api/v1/items/{item_id}/similar", status)
        assert words in body["detail"]
    for item_id, _, words in cases:
        done = cli(catalog_url, "similar", item_id)
        assert done.returncode == 1
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_failed_photo_is_its_own_reason(
    client: FlaskClient, catalog_url: str, ids: dict[str, int]
) -> None:
    with psycopg.connect(catalog_url) as connection:
        connection.execute("DELETE FROM embeddings WHERE item_id = %s", [ids["embedded"]])
        connection.execute(
            "INSERT INTO embedding_jobs "
            "(model_id, item_id, position, state, last_error, image_sha256) "
            "SELECT 1, item_id, 1, 'failed', 'the file is empty', sha256 FROM photos "
            "WHERE item_id = %s",
            [ids["embedded"]],
        )
    body = problem(client, f"/api/v1/items/{ids['embedded']}/similar", 409)
    assert "can't be embedded: the file is empty" in body["detail"]


@pytest.mark.parametrize(
    "question",
    ["top_n=0", "top_n=-1", "top_n=1e9", "top_n=abc", "top_n=1001", "min_similarity=2",
     "min_similarity=nan", "year_min=soon", "price_max=cheap", "colour=Red", "gender=%00"],
)  # fmt: skip
def test_a_bad_parameter_is_named(reader: FlaskClient, product: Product, question: str) -> None:
    name = question.partition("=")[0]
    body = problem(reader, f"/api/v1/items/{product[0]}/similar?{question}", 422)
    assert [part.partition(".")[0] for part in body["parameters"]] == [name]
    assert name in body["detail"]


def test_an_unknown_filter_is_answered_with_the_known(reader: FlaskClient) -> None:
    detail = problem(reader, "/api/v1/items?colour=Red", 422)["detail"]
    assert "gender, master_category, sub_category, article_type, base_colour" in detail


def test_pages_cover_everything_once(reader: FlaskClient) -> None:
    seen: list[int] = []
    cursor = ""
    while True:
        page = reader.get(f"/api/v1/items?limit=40{cursor}").get_json()
        seen += [item["item_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == sorted(set(seen))
    assert len(seen) == reader.get("/api/v1/stats").get_json()["items"]


def test_a_cursor_belongs_to_its_question(reader: FlaskClient) -> None:
    cursor = reader.get("/api/v1/items?limit=1").get_json()["next_cursor"]
    for question in (f"cursor={cursor}&gender=Men", "cursor=forged", "cursor=", "cursor=5.x"):
        assert problem(reader, f"/api/v1/items?{question}", 422)["parameters"] == ["cursor"]


def test_words_find_names_and_brands(client: FlaskClient, catalog_url: str) -> None:
    with psycopg.connect(catalog_url) as connection:
        row = connection.execute(
            "UPDATE items "
            "SET brand_name = 'Zebrafink', product_display_name = 'Quetzal Lampshades' "
            "WHERE item_id = (SELECT min(item_id) FROM items) RETURNING item_id"
        ).fetchone()
    assert row is not None
    for words in ("zebrafink", "lampshade", "quetzal lampshades zebrafink", '"quetzal lampshades"'):
        body = client.get("/api/v1/items", query_string={"q": words}).get_json()
        assert [item["item_id"] for item in body["items"]] == [row[0]]
    assert client.get("/api/v1/items?q='; DROP TABLE items; --").get_json()["items"] == []
    assert client.get("/api/v1/items?limit=1").get_json()["items"]


def test_models_and_stats(reader: FlaskClient) -> None:
    (model,) = reader.get("/api/v1/models").get_json()["models"]
    assert (model["name"], model["active"], model["dimensions"]) == ("compact", True, 256)
    stats = reader.get("/api/v1/stats").get_json()
    (progress,) = stats["models"]
    assert progress["items"] == progress["embedded"] == stats["with_photo"] < stats["items"]
    assert (progress["pending"], progress["failed"], progress["percent"]) == (0, 0, 100.0)


def test_pages_of_models(client: FlaskClient) -> None:
    with client.application.extensions["database"].connection() as connection:
        for name in ("second", "third"):
            register(connection, get_backbone("compact"), name, "0" * 64)
    seen, cursor = [], ""
    for more in (True, False):
        page = client.get(f"/api/v1/models?limit=2{cursor}").get_json()
        seen += [model["name"] for model in page["models"]]
        assert (page["next_cursor"] is not None) == more
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["compact", "second", "third"]  # oldest first, each once
    whole = client.get("/api/v1/models?limit=3").get_json()
    assert (len(whole["models"]), whole["next_cursor"]) == (3, None)

    of_items = client.get("/api/v1/items?limit=1").get_json()["next_cursor"]
    beyond = encode((LAST_ID,), digest("models"))
    assert client.get(f"/api/v1/models?cursor={beyond}").get_json()["models"] == []
    for question, name in (
        ("limit=0", "limit"), ("limit=101", "limit"), ("limits=1", "limits"),
        ("cursor=forged", "cursor"), (f"cursor={of_items}", "cursor"),
    ):  # fmt: skip
        assert problem(client, f"/api/v1/models?{question}", 422)["parameters"] == [name]


def test_readiness_takes_one_connection(client: FlaskClient) -> None:
    pool = client.application.extensions["database"].pool
    before = pool.get_stats().get("requests_num", 0)
    assert client.get("/readyz").get_json() == {"status": "ready", "model": "compact"}
    assert pool.get_stats()["requests_num"] == before + 1


def test_errors_of_http_itself_are_problems(reader: FlaskClient) -> None:
    problem(reader, "/api/v1/nothing", 404)
    refused = reader.post("/api/v1/items/1/similar")
    assert refused.status_code == 405
    assert refused.content_type == "application/problem+json"
    assert "GET" in refused.headers["Allow"]


def test_a_relative_folder_of_photos_is_one_of_the_working_folder(
    catalog_url: str,
    home: Path,
    sample_catalog: Path,
    ids: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(sample_catalog.parent)
    settings = Settings(
        _env_file=None, database_url=catalog_url, home=home, images=sample_catalog.name
    )
    app = create_app(settings)
    with app.test_client().get(f"/api/v1/items/{ids['embedded']}/image") as answer:
        assert answer.status_code == 200
    app.extensions["database"].close()


def test_a_photo_missing_on_this_machine(
    client: FlaskClient, catalog_url: str, ids: dict[str, int], tmp_path: Any
) -> None:
    path = f"/api/v1/items/{ids['embedded']}/image"
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE catalogs SET root = %s", [str(tmp_path)])
    assert "not on this machine" in problem(client, path, 404)["detail"]
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE catalogs SET root = '/nowhere'")
    assert "LOOKALIKE_IMAGES" in problem(client, path, 503)["detail"]
    assert "no photo" in problem(client, f"/api/v1/items/{ids['bare']}/image", 409)["detail"]


def test_the_openapi_document_describes_what_is_there(reader: FlaskClient) -> None:
    document = reader.get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.")
    paths = document["paths"]
    assert set(paths) >= {
        "/api/v1/items", "/api/v1/items/{item}", "/api/v1/items/{item}/image",
        "/api/v1/items/{item}/similar", "/api/v1/models", "/api/v1/stats", "/healthz", "/readyz",
    }  # fmt: skip
    similar = paths["/api/v1/items/{item}/similar"]["get"]
    names = {parameter["name"] for parameter in similar["parameters"]}
    assert names >= {"top_n", "min_similarity", "gender", "brand_name", "price_max"}
    assert "application/problem+json" in similar["responses"]["422"]["content"]
    assert "Problem" in document["components"]["schemas"]


def test_a_statement_that_takes_too_long_is_called_that(catalog_url: str, home: Path) -> None:
    with psycopg.connect(catalog_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET statement_timeout = '300ms'")
    with client_of(catalog_url, home) as client, psycopg.connect(catalog_url) as other:
        assert client.get("/api/v1/items?limit=1").status_code == 200
        other.execute("LOCK TABLE items")
        response = client.get("/api/v1/items?limit=1")
    assert response.status_code == 503
    assert "longer than its statement_timeout" in response.get_json()["detail"]
