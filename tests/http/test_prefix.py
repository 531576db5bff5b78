"""Behind a proxy that puts the service at a path: every address stays below it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.http import create_app
from app.settings import Settings
from tests.http.html import read

PREFIX = "/shop/looks"
PROXY = {"X-Forwarded-Prefix": PREFIX, "X-Forwarded-Host": "example.org"}


class Proxy:
    """Asks as a proxy does, for an address that a visitor sees below the prefix."""

    def __init__(self, client: FlaskClient, **request: Any) -> None:
        self.client = client
        self.request = request

    def get(self, url: str, **options: Any) -> Any:
        assert url.startswith(PREFIX), f"{url} leads out of {PREFIX}"
        return self.client.get(url.removeprefix(PREFIX) or "/", **self.request, **options)


@pytest.fixture(params=["X-Forwarded-Prefix", "SCRIPT_NAME"])
def proxy(request: pytest.FixtureRequest, catalog_url: str, home: Path) -> Iterator[Proxy]:
    forwarded = request.param == "X-Forwarded-Prefix"
    settings = Settings(
        _env_file=None,
        database_url=catalog_url,
        home=home,
        trusted_proxies=1 if forwarded else 0,
        keys="off",
    )
    app = create_app(settings)
    how = {"headers": PROXY} if forwarded else {"environ_overrides": {"SCRIPT_NAME": PREFIX}}
    yield Proxy(app.test_client(), **how)
    app.extensions["database"].close()


def test_addresses_in_answers_stay_below_the_prefix(proxy: Proxy) -> None:
    listed = proxy.get(f"{PREFIX}/api/v1/items?limit=50").get_json()["items"]
    sku = next(item["sku"] for item in listed if item["image_url"])
    api = f"{PREFIX}/api/v1/items/{sku}"
    detail = proxy.get(api).get_json()
    similar = proxy.get(f"{api}/similar").get_json()["results"]
    recommended = proxy.client.post(
        "/api/v1/recommendations", json={"positive": [sku]}, **proxy.request
    ).get_json()["results"]
    for answer in (*listed, detail, *detail["photos"], *similar, *recommended):
        if answer["image_url"]:
            assert answer["image_url"].startswith(f"{PREFIX}/api/v1/items/")
            with proxy.get(answer["image_url"]) as photo:
                assert photo.status_code == 200


def test_links_of_pages_stay_below_the_prefix(proxy: Proxy) -> None:
    (card, *_) = re.findall(r'class="card" href="([^"]+)"', proxy.get(f"{PREFIX}/").text)
    urls = [
        f"{PREFIX}/",
        card,
        f"{PREFIX}/?gender=Men&limit=5",
        f"{PREFIX}/nowhere",
        f"{PREFIX}/search",
        f"{PREFIX}/docs/",
    ]
    for url in urls:
        text = proxy.get(url).text
        found = re.findall(r'(?:href|src|action|data-document)="(/[^"]*)"', text)
        assert len(found) > 2
        assert {address for address in found if not address.startswith(f"{PREFIX}/")} == set()
        for address in set(found):
            with proxy.get(address.replace("&amp;", "&")) as answer:
                assert answer.status_code == 200, address


def test_the_api_says_where_it_is(proxy: Proxy) -> None:
    assert proxy.get(f"{PREFIX}/openapi.json").get_json()["servers"] == [{"url": PREFIX}]
    redirected = proxy.get(f"{PREFIX}/docs")
    assert redirected.status_code == 302
    assert redirected.headers["Location"].endswith(f"{PREFIX}/docs/")


def test_headers_of_nobody_we_trust_change_nothing(reader: FlaskClient) -> None:
    items = reader.get("/api/v1/items?limit=50", headers=PROXY).get_json()["items"]
    item = next(item for item in items if item["image_url"])
    assert item["image_url"].startswith("/api/v1/items/")
    assert reader.get("/openapi.json", headers=PROXY).get_json()["servers"] == [{"url": "/"}]
    assert read(reader, "/").all("a", href="/docs/")
