"""Pages of other sites: which may read the API, and the script that they embed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.errors import LookalikeError
from app.http import create_app
from app.settings import Settings, get_settings

SHOP = "https://shop.example"


@contextmanager
def sharing(url: str, home: Path, origins: str | None) -> Iterator[FlaskClient]:
    app = create_app(Settings(_env_file=None, database_url=url, home=home, cors_origins=origins))
    yield app.test_client()
    app.extensions["database"].close()


def allowed(client: FlaskClient, path: str, origin: str) -> str | None:
    with client.get(path, headers={"Origin": origin}) as response:
        return response.headers.get("Access-Control-Allow-Origin")


def test_no_other_page_may_read_the_api_by_default(catalog_url: str, home: Path) -> None:
    with sharing(catalog_url, home, None) as client:
        assert allowed(client, "/api/v1/stats", SHOP) is None


def test_pages_of_the_named_origins_may(catalog_url: str, home: Path) -> None:
    with sharing(catalog_url, home, f"{SHOP}, http://localhost:3000") as client:
        listed = client.get("/api/v1/items?limit=100").get_json()["items"]
        photo = next(item["image_url"] for item in listed if item["image_url"])
        for path in ("/api/v1/stats", photo, "/api/v1/items/unknown"):
            assert allowed(client, path, SHOP) == SHOP
            assert allowed(client, path, "http://localhost:3000") == "http://localhost:3000"
            for other in ("https://shop.example.evil", "https://xshop.example", "null"):
                assert allowed(client, path, other) is None
        for path in ("/", "/status", "/openapi.json", "/readyz"):
            assert allowed(client, path, SHOP) is None
        with client.get("/api/v1/stats", headers={"Origin": SHOP}) as response:
            assert response.headers["Vary"] == "Origin"
            assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(("method", "lets"), [("GET", True), ("POST", False), ("DELETE", False)])
def test_a_preflight_lets_pages_read_alone(
    catalog_url: str, home: Path, method: str, lets: bool
) -> None:
    with sharing(catalog_url, home, SHOP) as client:
        response = client.options(
            "/api/v1/recommendations",
            headers={"Origin": SHOP, "Access-Control-Request-Method": method},
        )
    assert ("Access-Control-Allow-Methods" in response.headers) is lets


def test_all_pages_may_where_the_operator_says_so(catalog_url: str, home: Path) -> None:
    with sharing(catalog_url, home, "*") as client:
        assert allowed(client, "/api/v1/stats", SHOP) == "*"


@pytest.mark.parametrize(
    "value",
    ["shop.example", "https://shop.example/", "https://*.shop.example", "https://a b", "ftp://a.b"],
)
def test_what_is_no_origin_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CORS_ORIGINS", f"https://shop.example,{value}")
    get_settings.cache_clear()
    with pytest.raises(LookalikeError, match=r"LOOKALIKE_CORS_ORIGINS is .* is no origin"):
        get_settings()
    get_settings.cache_clear()


def test_the_script_is_small_and_alone(catalog_url: str, home: Path) -> None:
    with sharing(catalog_url, home, None) as client, client.get("/widget.js") as response:
        assert response.mimetype in ("text/javascript", "application/javascript")
        assert response.headers["Cache-Control"] == "max-age=3600"
        script = response.get_data(as_text=True)
    assert len(script.encode()) <= 10_000
    assert "import(" not in script
    assert "https:" not in script
