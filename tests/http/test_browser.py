"""The web pages in a real browser, served by the real server."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.conftest import clone, web_server

pytestmark = pytest.mark.slow

QUIET = (
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Visit:
    """A tab, and what it did behind the visitor's back."""

    page: Page
    requested: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requested.add(request.url))
        self.page.on(
            "requestfailed",
            # A photo still on its way when the visitor clicks on is given up: no failure.
            lambda request: (
                self.complaints.append(f"{request.url}: {request.failure}")
                if request.failure != "net::ERR_ABORTED"
                else None
            ),
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type in {"error", "warning"}
                else None
            ),
        )

    @property
    def hosts(self) -> set[str]:
        """Whom it asked for anything."""
        return {urlsplit(url).netloc for url in self.requested if not url.startswith("data:")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(server: str, catalog_template: str, home: Path) -> Iterator[str]:
    """Base URL of a server that all visitors share, none of whom changes anything."""
    with clone(server, catalog_template) as url, web_server(url, home) as base:
        yield base


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(15_000)
    yield Visit(page)
    page.close()


def test_a_visitor_searches_clicks_a_product_and_a_similar_one(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(site)
    name = page.locator(".card .name").first.inner_text()
    page.get_by_label("Search names and brands").fill(name)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(f"for “{name}”")
    expect(page.locator(".card .name").first).to_have_text(name)

    page.locator(".card").first.click()
    expect(page.locator("h1")).to_have_text(name)
    assert _loaded(page, ".product img")

    similar = page.locator(".card").first
    expect(similar.locator(".similarity")).to_contain_text("% similar")
    name = similar.locator(".name").inner_text()
    similar.click()
    expect(page.locator("h1")).to_have_text(name)
    expect(page.locator(".card")).to_have_count(12)
    assert _loaded(page, ".product img")

    assert visit.hosts == {urlsplit(site).netloc}
    assert visit.complaints == []


def test_a_visitor_filters(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(site)
    field = page.get_by_label("Gender")
    if not field.is_visible():
        page.get_by_text("Filters").click()
    field.select_option("Men")
    page.get_by_role("button", name="Show products").click()
    chip = page.get_by_role("link", name="Gender: Men")
    expect(chip).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls aside"
    chip.click()
    expect(chip).to_have_count(0)
    assert visit.complaints == []


def test_the_pages_about_the_api_come_from_this_server_alone(visit: Visit, site: str) -> None:
    visit.page.goto(f"{site}/docs")
    expect(visit.page.get_by_text("/api/v1/items/{item}/similar")).to_be_visible()
    assert visit.hosts == {urlsplit(site).netloc}
    assert visit.complaints == []


def _loaded(page: Page, selector: str) -> bool:
    photo = page.locator(selector)
    return bool(photo.evaluate("photo => photo.decode().then(() => photo.naturalWidth > 0)"))
