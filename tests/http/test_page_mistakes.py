"""What a wrong address gets, and what no page may do."""

import pytest
from flask.testing import FlaskClient

from tests.http.html import asked, read


@pytest.mark.parametrize(
    ("url", "status", "named"),
    [
        ("/?colour=Red", 422, "base_colour"),
        ("/?year_min=soon", 422, "year_min"),
        ("/?year_min=1&year_min=2", 422, "year_min"),
        ("/?price_max=nan", 422, "price_max"),
        ("/?q=%00", 422, "q"),
        ("/?limit=0", 422, "limit"),
        ("/?cursor=x", 422, "cursor"),
        ("/?_external=1", 422, "_external"),
        ("/items/1?top_n=1000", 422, "top_n"),
        ("/items/1?item_id=2", 422, "item_id"),
        ("/items/99999999999", 404, "99999999999"),
        ("/items/99999999999999999999999", 404, "99999999999999999999999"),
        ("/items/abc", 404, "abc"),
        ("/items/%00", 404, "has the id \ufffd"),
        (f"/items/{'x' * 300}", 404, "x" * 200),
        ("/nowhere", 404, "URL"),
    ],
)
def test_a_mistake_in_the_address_gets_a_page(
    reader: FlaskClient, url: str, status: int, named: str
) -> None:
    page = read(reader, url, status)
    assert named in page.words
    assert page.all("a", href="/")


def test_a_cursor_of_another_question_is_refused(reader: FlaskClient) -> None:
    (cursor,) = asked(read(reader, "/").next)["cursor"]
    assert "other filters" in read(reader, f"/?gender=Men&cursor={cursor}", 422).words


@pytest.mark.parametrize("url", ["/", "/items/1", "/nowhere", "/?colour=Red"])
def test_a_page_may_load_nothing_but_its_own(reader: FlaskClient, url: str) -> None:
    policy = reader.get(url).headers["Content-Security-Policy"]
    said = {"default-src 'none'", "img-src 'self'", "style-src 'self'", "script-src 'self'"}
    assert said <= set(policy.split("; "))
    assert "unsafe" not in policy


def test_the_pages_about_the_api_may_run_their_scripts(reader: FlaskClient) -> None:
    response = reader.get("/docs", follow_redirects=True)
    assert response.status_code == 200
    assert "Content-Security-Policy" not in response.headers
