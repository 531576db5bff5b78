"""Keys, limits and headers: a test for each of OWASP's ten API risks of 2023."""

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from app.errors import LookalikeError
from app.http import create_app
from app.http.keys import KEPT_SECONDS, OPEN
from app.http.limits import require_storage
from app.keys import create_key, list_keys, revoke_key
from app.settings import Settings
from tests.conftest import Cli, clone
from tests.http.conftest import Product, refusal

Serve = Callable[..., FlaskClient]


@pytest.fixture(scope="module")
def url(server: str, catalog_template: str) -> Iterator[str]:
    with clone(server, catalog_template) as made:
        yield made


@contextmanager
def serving(url: str, home: Path, **settings: Any) -> Iterator[FlaskClient]:
    """The application as it is on a public address, or with other settings."""
    given = {"keys": "required", **settings}
    app = create_app(Settings(_env_file=None, database_url=url, home=home, **given))
    try:
        yield app.test_client()
    finally:
        app.extensions["database"].close()


@pytest.fixture(scope="module")
def public(url: str, home: Path) -> Iterator[FlaskClient]:
    """A client of the application that wants keys, with high limits."""
    with serving(url, home, limit_address="100000/second", limit_key="100000/second") as client:
        yield client


@pytest.fixture(scope="module")
def keys(url: str) -> dict[str, str]:
    """A key of each scope."""
    with psycopg.connect(url) as connection:
        return {
            "read": create_key(connection, "reader", "read"),
            "admin": create_key(connection, "operator", "admin"),
        }


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{key}".encode()).decode()}


def all_paths(client: FlaskClient) -> Iterator[tuple[str, str]]:
    """Method and path of each view that isn't open to all."""
    for rule in client.application.url_map.iter_rules():
        if rule.endpoint not in OPEN:
            path = re.sub(r"<[^>]+>", "1", rule.rule)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield method, path


def test_api1_broken_object_level_authorization(
    public: FlaskClient, product: Product, keys: dict[str, str], url: str
) -> None:
    """A product that left the catalog is nobody's to read, by whichever of its names."""
    with psycopg.connect(url) as connection:
        (removed,) = connection.execute(
            "UPDATE items SET removed_at = now() WHERE item_id = "
            "(SELECT max(item_id) FROM items WHERE item_id <> %s) RETURNING item_id",
            [product[0]],
        ).fetchone() or (0,)
    for what in ("", "/image", "/similar"):
        refusal(public.get(f"/api/v1/items/{removed}{what}", headers=bearer(keys["read"])), 404)


def test_api2_broken_authentication(public: FlaskClient, keys: dict[str, str]) -> None:
    """Nothing but what is open to all answers without a valid key."""
    wrong = [
        {}, bearer("lk_wrong"), bearer(""), basic("wrong"), bearer(keys["read"][:-1]),
        bearer(keys["read"] + "a"), {"Authorization": keys["read"]},
        {"Authorization": "Bearer \x00"}, {"Authorization": "Basic !"},
    ]  # fmt: skip
    for method, path in all_paths(public):
        assert public.open(path, method=method).status_code == 401, path
    for headers in wrong:
        response = public.get("/api/v1/stats", headers=headers)
        problem = refusal(response, 401)
        assert "lookalike keys create" in problem["detail"]
        assert "Basic realm=" in str(response.headers.getlist("WWW-Authenticate"))
    for headers in (bearer(keys["read"]), basic(keys["read"]), bearer(keys["admin"])):
        assert public.get("/api/v1/stats", headers=headers).status_code == 200
    assert public.get("/", headers=basic(keys["read"])).status_code == 200
    assert public.get("/healthz").status_code == public.get("/readyz").status_code == 200


def test_api3_broken_object_property_level_authorization(
    public: FlaskClient, product: Product, keys: dict[str, str]
) -> None:
    """An answer has the declared fields alone, and no request sets others."""
    item = public.get(f"/api/v1/items/{product[0]}", headers=bearer(keys["read"])).get_json()
    text = str(item)
    assert not re.search(r"sha256|validator|name_search|/tmp|reference", text), text
    for extra in ({"is_admin": True}, {"model": "other"}, {"filters": {"removed_at": "x"}}):
        response = public.post(
            "/api/v1/recommendations",
            json={"positive": [product[0]], **extra},
            headers=bearer(keys["read"]),
        )
        refusal(response, 422)


def test_api4_unrestricted_resource_consumption(url: str, home: Path, keys: dict[str, str]) -> None:
    """A key and an address without one have limits of their own; photos count more."""
    with serving(url, home, limit_key="12/minute", limit_address="3/minute") as client:
        mine = bearer(keys["read"])
        for _ in range(2):
            assert client.get("/api/v1/models", headers=mine).status_code == 200
        assert client.post("/api/v1/recommendations", json={}, headers=mine).status_code == 422
        refused = client.get("/api/v1/models", headers=mine)
        assert "12 per 1 minute that this key may ask" in refusal(refused, 429)["detail"]
        assert 0 < int(refused.headers["Retry-After"]) <= 60
        assert client.get("/api/v1/models", headers=bearer(keys["admin"])).status_code == 200
        for _ in range(3):
            refusal(client.get("/api/v1/models", headers=bearer("wrong")), 401)
        assert "this address" in refusal(client.get("/api/v1/models"), 429)["detail"]
        elsewhere = {"REMOTE_ADDR": "10.0.0.9"}
        refusal(client.get("/api/v1/models", environ_overrides=elsewhere), 401)
        assert client.get("/healthz").status_code == 200


def test_api5_broken_function_level_authorization(
    public: FlaskClient, keys: dict[str, str]
) -> None:
    """What the operator alone may read needs the scope admin."""
    refusal(public.get("/metrics", headers=bearer(keys["read"])), 403)
    assert public.get("/metrics", headers=bearer(keys["admin"])).status_code == 200
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        refusal(public.open("/api/v1/items", method=method, headers=bearer(keys["admin"])), 405)


def test_api6_unrestricted_access_to_sensitive_business_flows(
    public: FlaskClient, keys: dict[str, str]
) -> None:
    """Nobody carries the catalog off in a few requests: a page is at most 100 products."""
    for path in ("items", "models", "duplicates"):
        response = public.get(f"/api/v1/{path}?limit=101", headers=bearer(keys["read"]))
        refusal(response, 422)


def test_api7_server_side_request_forgery(
    public: FlaskClient, product: Product, keys: dict[str, str]
) -> None:
    """No request makes the server fetch an address: an image is bytes, never a URL."""
    for image in ("http://169.254.169.254/latest", "file:///etc/passwd", "s3://bucket/key"):
        response = public.post(
            "/api/v1/similar",
            data={"image": image},
            content_type="multipart/form-data",
            headers=bearer(keys["read"]),
        )
        assert refusal(response, 422)["parameters"] == ["image"]
    path = f"/api/v1/items/http%3A%2F%2F169.254.169.254%2F{product[0]}/image"
    refusal(public.get(path, headers=bearer(keys["read"])), 404)


def test_api8_security_misconfiguration(public: FlaskClient, keys: dict[str, str]) -> None:
    """Safe headers, nothing in shared caches, no trace, SQL or path in an answer."""
    for path in ("/api/v1/stats", "/", "/api/v1/nothing", "/api/v1/items?limit=x", "/openapi.json"):
        response = public.get(path, headers=bearer(keys["read"]), base_url="https://localhost")
        headers = response.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "private" in headers["Cache-Control"]
        assert "Authorization" in headers["Vary"]
        assert not re.search(r"Traceback|SELECT |File \"|psycopg|/site-packages/", response.text)
    assert "Strict-Transport-Security" not in public.get("/healthz").headers


def test_api9_improper_inventory_management(public: FlaskClient, keys: dict[str, str]) -> None:
    """Each path of the API is in its document."""
    document = public.get("/openapi.json", headers=bearer(keys["read"])).get_json()
    rules = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for rule in public.application.url_map.iter_rules()
        if rule.rule.startswith("/api/")
    }
    assert rules <= set(document["paths"])
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["security"] == [{"key": []}]


def test_api10_unsafe_consumption_of_apis(
    public: FlaskClient, product: Product, keys: dict[str, str], url: str, tmp_path: Path
) -> None:
    """What a supplier put among the photos isn't passed on: no link out, and no other file."""
    path = f"/api/v1/items/{product[0]}/image"
    with psycopg.connect(url) as connection:
        (root,) = connection.execute("SELECT root FROM catalogs").fetchone() or ("",)
        connection.execute("UPDATE catalogs SET root = %s", [str(tmp_path / "photos")])
        (reference,) = connection.execute(
            "SELECT reference FROM photos WHERE item_id = %s AND position = 1", [product[0]]
        ).fetchone() or ("",)
    served = tmp_path / "photos" / reference
    served.parent.mkdir(parents=True)
    (tmp_path / "outside.jpg").write_bytes(product[1])
    try:
        served.symlink_to("/etc/hostname")
        refusal(public.get(path, headers=bearer(keys["read"])), 404)
        served.unlink()
        served.symlink_to(tmp_path / "outside.jpg")
        refusal(public.get(path, headers=bearer(keys["read"])), 404)
        served.unlink()
        served.write_text("<script>alert(1)</script>")
        refusal(public.get(path, headers=bearer(keys["read"])), 404)
        served.write_bytes(product[1])
        response = public.get(path, headers=bearer(keys["read"]), buffered=True)
        assert (response.status_code, response.data) == (200, product[1])
    finally:
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE catalogs SET root = %s", [root])


@pytest.mark.parametrize(
    ("listening_on", "settings", "required"),
    [
        ("127.0.0.1", {}, False),
        ("localhost", {}, False),
        ("::1", {}, False),
        ("0.0.0.0", {}, True),  # noqa: S104
        ("127.0.0.1", {"trusted_proxies": 1}, True),
        ("0.0.0.0", {"keys": "off"}, False),  # noqa: S104
        ("127.0.0.1", {"keys": "required"}, True),
    ],
)
def test_keys_are_off_on_loopback_alone(
    listening_on: str, settings: dict[str, Any], required: bool
) -> None:
    assert Settings(_env_file=None, **settings).require_keys(listening_on) is required


def test_a_revoked_key_opens_nothing_after_a_few_seconds(
    public: FlaskClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(url) as connection:
        key = create_key(connection, "former", "read")
        with pytest.raises(LookalikeError, match="there is a key called former"):
            create_key(connection, "former", "read")
    assert public.get("/api/v1/stats", headers=bearer(key)).status_code == 200
    with psycopg.connect(url) as connection:
        revoke_key(connection, "former")
        with pytest.raises(LookalikeError, match="no key called nobody"):
            revoke_key(connection, "nobody")
        assert [k.revoked_at is None for k in list_keys(connection) if k.name == "former"] == [
            False
        ]
    import time

    now = time.monotonic()
    monkeypatch.setattr("app.http.keys.time.monotonic", lambda: now + KEPT_SECONDS + 1)
    assert "revoked" in refusal(public.get("/api/v1/stats", headers=bearer(key)), 401)["detail"]


def test_the_database_has_no_key(url: str, keys: dict[str, str]) -> None:
    with psycopg.connect(url) as connection:
        rows = str(connection.execute("SELECT * FROM api_keys").fetchall())
    assert not any(key.removeprefix("lk_") in rows for key in keys.values())


def test_the_command_makes_lists_and_revokes_keys(empty_url: str, cli: Cli) -> None:
    made = cli(empty_url, "keys", "create", "shop")
    assert re.fullmatch(r"lk_[\w-]{43}\n", made.stdout)
    assert cli(empty_url, "keys", "create", "shop").returncode == 1
    assert cli(empty_url, "keys", "create", "ops", "--scope", "admin").returncode == 0
    assert cli(empty_url, "keys", "revoke", "shop").returncode == 0
    lines = cli(empty_url, "keys", "list").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["shop", "read"], ["ops", "admin"]]
    assert len(lines[1].split()) == 4
    assert made.stdout.strip() not in cli(empty_url, "keys", "list", "--json").stdout
    assert cli(empty_url, "keys", "revoke", "nobody").returncode == 1


@pytest.mark.parametrize("uri", ["nonsense://", "memcached://127.0.0.1:1"])
def test_a_storage_of_counts_that_does_not_work_is_one_line(uri: str) -> None:
    with pytest.raises(LookalikeError, match="LOOKALIKE_LIMIT_STORAGE"):
        require_storage(uri)
    require_storage("memory://")
