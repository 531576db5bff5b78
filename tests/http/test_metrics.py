"""What operators see: `/metrics`, request ids, slow requests."""

import logging
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app.http import create_app
from app.settings import Settings
from tests.http.conftest import Product

Samples = dict[tuple[str, ...], float]


def scrape(client: FlaskClient) -> Samples:
    """Values by name and labels' values."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_requests_and_searches_are_counted_by_route(client: FlaskClient, product: Product) -> None:
    before = scrape(client)
    for _ in range(3):
        assert client.get(f"/api/v1/items/{product[0]}/similar").status_code == 200
    assert client.get("/api/v1/items/none/similar").status_code == 404
    assert client.get("/nothing/like/that").status_code == 404
    after = scrape(client)

    def grown(*sample: str) -> float:
        return after[sample] - before.get(sample, 0)

    requests, route = "lookalike_http_request_seconds_count", "/api/v1/items/<sku:item>/similar"
    assert grown(requests, "GET", route, "200") == 3
    assert grown(requests, "GET", route, "404") == 1
    assert grown(requests, "any", "none", "404") == 1
    assert grown("lookalike_http_sql_seconds_count", route) == 4
    modes = [sample for sample in after if sample[0] == "lookalike_searches_total"]
    assert sum(grown(*mode) for mode in modes) == 3
    assert after["lookalike_pool", "size"] >= 1


def test_the_queue_is_counted_with_the_reasons_of_failures(
    client: FlaskClient, catalog_url: str
) -> None:
    with psycopg.connect(catalog_url) as connection:
        connection.execute(
            "INSERT INTO embedding_jobs (model_id, item_id, position, image_sha256, state, "
            "retry_after, last_error) "
            "SELECT m.model_id, p.item_id, p.position, p.sha256, "
            "CASE WHEN row_number() OVER () < 4 THEN 'failed' ELSE 'pending' END, "
            "now() - interval '90 seconds', 'can''t be decoded: file ' || p.item_id "
            "FROM embedding_models AS m, photos AS p LIMIT 5"
        )
    found = scrape(client)
    assert found["lookalike_jobs", "compact", "failed"] == 3
    assert found["lookalike_jobs", "compact", "pending"] == 2
    assert 90 <= found["lookalike_oldest_job_seconds", "compact"] < 400
    assert found["lookalike_failures", "compact", "can't be decoded"] == 3
    assert found["lookalike_database_up",] == 1


def test_a_request_id_comes_back_and_is_in_the_statements(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    execute = psycopg.Cursor.execute

    def listen(cursor: Any, query: Any, *rest: Any, **options: Any) -> Any:
        sent.append(query if isinstance(query, bytes) else b"")
        return execute(cursor, query, *rest, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", listen)
    response = client.get("/api/v1/stats", headers={"X-Request-ID": "from-the-shop.1"})
    assert (response.status_code, response.headers["X-Request-ID"]) == (200, "from-the-shop.1")
    assert any(text.startswith(b"/* request from-the-shop.1 */ ") for text in sent)
    sent.clear()
    assert client.get("/api/v1/stats").status_code == 200
    assert sent
    assert not any(text.startswith(b"/*") for text in sent)


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "*/ DROP TABLE items; --", "a\u00e9"])
def test_another_id_is_not_taken(client: FlaskClient, given: str) -> None:
    found = client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert len(found) == 16
    int(found, 16)


def test_a_slow_request_is_logged_with_its_time_in_sql(
    catalog_url: str, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(_env_file=None, database_url=catalog_url, home=home, slow_seconds=1e-9)
    app = create_app(settings)
    try:
        with caplog.at_level(logging.WARNING):
            app.test_client().get("/api/v1/stats", headers={"X-Request-ID": "slow-1"})
    finally:
        app.extensions["database"].close()
    (record,) = [r for r in caplog.records if getattr(r, "event", "") == "slow_request"]
    fields = record.fields  # type: ignore[attr-defined]
    assert fields["path"] == "/api/v1/stats"
    assert fields["request_id"] == "slow-1"
    assert 0 < fields["sql_seconds"] <= fields["seconds"]
