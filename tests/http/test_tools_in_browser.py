"""The tray, comparing, the status and the strip for other sites, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import clone, web_server
from tests.http.browsing import PATIENCE, Visit, launched, violations
from tests.support.photo_server import PhotoServer, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhotoServer]:
    """The web server of a shop, which is another origin."""
    with serving(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture(scope="module")
def site(server: str, catalog_template: str, home: Path, shop: PhotoServer) -> Iterator[str]:
    """Base URL of a server whose API the shop's pages may read."""
    with (
        clone(server, catalog_template) as url,
        web_server(url, home, LOOKALIKE_CORS_ORIGINS=shop.url) as base,
    ):
        yield base


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    yield Visit(page)
    page.close()


def skus(page: Page) -> list[str]:
    """The skus of the cards on a page."""
    found = page.locator(".card").evaluate_all("cards => cards.map(card => card.dataset.sku)")
    return [str(sku) for sku in found]


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1440, "dark")])
def test_everybody_can_use_the_pages(browser: Browser, site: str, width: int, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(site)
    one, other, third, *_ = skus(page)
    for path in (
        f"/tray?like={one}&like={other}:2&dislike={third}&like=gone",
        "/tray",
        f"/compare?a={one}&b={other}",
        "/duplicates?min_similarity=0.9",
        "/status",
        "/search",
        f"/items/{one}",
    ):
        page.goto(site + path)
        expect(page.locator("h1")).to_have_count(1)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    context.close()


def test_a_visitor_collects_a_tray(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(site)
    one, other, third, *_ = skus(page)
    tray = page.locator("#tray-link")

    def button(sku: str, word: str) -> None:
        card = page.locator(f'li:has(> .card[data-sku="{sku}"])')
        card.get_by_role("button", name=word).first.click()

    button(one, "Like")
    button(other, "Like")
    button(third, "Dislike")
    expect(tray).to_have_text("Tray (3)")
    page.reload()
    expect(tray).to_have_text("Tray (3)")
    expect(page.locator("button[aria-pressed=true]")).to_have_count(3)
    button(other, "Like")  # not any more
    expect(tray).to_have_text("Tray (2)")

    tray.click()
    assert urlsplit(page.url).query == f"like={one}&dislike={third}"
    expect(page.locator(".card")).to_have_count(24)
    first = skus(page)
    page.locator("select[name=like]").select_option(f"{one}:4")
    page.wait_for_url(f"**like={one}%3A4**")
    page.locator(".votes a", has_text="Like").filter(has_not_text="instead").first.click()
    page.wait_for_url(f"**like={first[0]}**")
    assert first[0] not in skus(page)
    expect(tray).to_have_text("Tray (3)")
    address = page.url

    page.goto(f"{site}/items/{other}")
    page.locator(".about").get_by_role("button", name="Like").first.click()
    expect(tray).to_have_text("Tray (4)")
    page.goto(f"{site}/tray")
    expect(page.locator(".entry")).to_have_count(4)

    # A shared tray leaves one's own alone until one takes it.
    page.goto(address)
    expect(page.get_by_text("a tray that somebody shared")).to_be_visible()
    expect(tray).to_have_text("Tray (4)")
    page.get_by_role("button", name="Use this one from now on").click()
    expect(tray).to_have_text("Tray (3)")
    assert visit.hosts == {urlsplit(site).netloc}
    assert visit.complaints == []


def test_a_tray_empties(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(f"{site}/tray")
    page.get_by_label("Add a product by its id").fill("no such product")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Remove it from the tray").click()
    expect(page.get_by_text("Collect products that you like")).to_be_visible()
    expect(page.locator("#tray-link")).to_have_text("Tray")
    assert visit.complaints == []


def test_an_item_leads_to_a_comparison(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(site)
    page.locator(".card").first.click()
    name = page.locator("h1").inner_text()
    similarity = page.locator(".card .similarity").first.inner_text()
    page.get_by_role("link", name="Compare with").first.click()
    expect(page.locator("h1")).to_have_text("Compare two products")
    expect(page.locator(".sides thead")).to_contain_text(name)
    expect(page.locator(".verdict strong")).to_have_text(similarity)
    assert visit.complaints == []


def test_the_status_refreshes_itself(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(f"{site}/status")
    expect(page.locator("#models")).to_contain_text("compact")
    stale = page.get_by_text("The server can’t be reached")
    page.route("**/status", lambda route: route.abort("connectionrefused"))
    expect(stale).to_be_visible()

    source = page.request.get(f"{site}/status").text().replace("compact", "renamed")
    page.unroute("**/status")
    page.route("**/status", lambda route: route.fulfill(body=source, content_type="text/html"))
    expect(page.locator("#models")).to_contain_text("renamed")
    expect(stale).to_be_hidden()

    page.get_by_role("button", name="Pause").click()
    page.unroute("**/status")
    page.wait_for_timeout(6000)
    expect(page.locator("#models")).to_contain_text("renamed")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#models")).to_contain_text("compact")


def test_a_result_becomes_the_next_photo(visit: Visit, site: str, sample_catalog: Path) -> None:
    page = visit.page
    page.goto(f"{site}/search")
    photo = next((sample_catalog / "images").iterdir())
    page.get_by_label("Choose a photo").set_input_files(photo)
    expect(page.locator(".card")).to_have_count(24)
    assert skus(page)[0] == photo.stem
    following = skus(page)[1]
    page.get_by_role("link", name="Search with this").nth(1).click()
    expect(page.locator(".card").first).to_have_attribute("data-sku", following)
    expect(page.locator("#crop")).to_be_visible()
    expect(page.get_by_role("button", name="Like").first).to_be_visible()
    assert visit.complaints == []


def test_an_address_of_a_private_network_is_refused(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(f"{site}/search")
    page.get_by_label("Or the address of a photo").fill("http://127.0.0.1:1/photo.jpg")
    page.get_by_role("button", name="Find similar products").click()
    expect(page.get_by_role("status")).to_contain_text("leads to a private or local network")
    expect(page.locator(".card")).to_have_count(0)


STRIP = """<!doctype html>
<html lang="de"><head><title>A shop</title>
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; script-src {site}; connect-src {site}; img-src {site}">
<script src="{site}/widget.js" defer></script></head>
<body><main><h1>A shop</h1>
<lookalike-strip sku="{sku}" top-n="4" link="/p/{{sku}}?from=strip" heading="Passt dazu"
                 currency="EUR"><p>Mehr im <a href="/p">Laden</a></p></lookalike-strip>
</main></body></html>
"""


def strip(shop: PhotoServer, site: str, sku: str, name: str) -> str:
    """Write a page with the strip; returns its path."""
    (shop.folder / name).write_text(STRIP.format(site=site, sku=sku), encoding="utf-8")
    return f"/{name}"


def test_a_shop_shows_the_strip(visit: Visit, site: str, shop: PhotoServer) -> None:
    page = visit.page
    page.goto(site)
    sku = skus(page)[0]
    answer = page.request.get(f"{site}/api/v1/items/{sku}/similar?top_n=4").json()
    page.goto(shop.url + strip(shop, site, sku, "strip.html"))
    cards = page.locator("lookalike-strip a.card")
    expect(cards).to_have_count(4)
    assert cards.evaluate_all("cards => cards.map(card => card.getAttribute('href'))") == [
        f"/p/{result['sku']}?from=strip" for result in answer["results"]
    ]
    expect(page.get_by_role("heading", name="Passt dazu")).to_be_visible()
    expect(page.get_by_text("Mehr im")).to_be_hidden()
    photo = page.locator("lookalike-strip img").first
    photo.scroll_into_view_if_needed()
    assert photo.evaluate("photo => photo.decode().then(() => photo.naturalWidth > 0)")
    assert violations(page) == []
    assert visit.complaints == []

    page.keyboard.press("Tab")
    assert page.evaluate(
        "document.querySelector('lookalike-strip').shadowRoot.activeElement?.className === 'card'"
    )
    page.locator("lookalike-strip").evaluate(
        "strip => strip.style.setProperty('--lookalike-card-width', '77px')"
    )
    assert page.locator("lookalike-strip li").first.bounding_box()["width"] == 77  # type: ignore[index]
    page.locator("lookalike-strip").evaluate("strip => strip.setAttribute('top-n', '2')")
    expect(cards).to_have_count(2)
    page.locator("lookalike-strip").evaluate(
        "strip => strip.addEventListener('lookalike-chosen', event => {"
        " event.preventDefault(); document.title = event.detail.sku; })"
    )
    cards.first.click()
    expect(page).to_have_title(str(answer["results"][0]["sku"]))


@pytest.mark.parametrize("trouble", ["unknown", "forbidden", "away"])
def test_a_strip_without_products_leaves_the_page_as_it_is(
    visit: Visit, site: str, shop: PhotoServer, trouble: str
) -> None:
    page = visit.page
    page.goto(site)
    sku = "no such product" if trouble == "unknown" else skus(page)[0]
    path = strip(shop, site, sku, f"{trouble}.html")
    if trouble == "away":
        page.route("**/similar?*", lambda route: route.abort("connectionrefused"))
    # The same server by another name is another origin, which may not read the API.
    base = shop.url.replace("127.0.0.1", "localhost") if trouble == "forbidden" else shop.url
    page.goto(base + path)
    found = page.locator("lookalike-strip")
    expect(found).to_have_attribute("data-state", "empty" if trouble == "unknown" else "error")
    expect(page.get_by_text("Mehr im")).to_be_visible()
    expect(page.get_by_role("heading", name="Passt dazu")).to_be_hidden()
