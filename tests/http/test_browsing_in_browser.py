"""The grid and a product's page in a real browser, with scripts and without."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.conftest import clone, web_server
from tests.http.browsing import PATIENCE, Visit, launched, violations

pytestmark = pytest.mark.slow

AWKWARD = [
    "<script>alert(1)</script>",
    "👗🕶️ Emoji dress",
    "قميص أحمر للرجال",
    "Long" * 75,
]
"""Names that pages tend to stumble over; none has a space to break at."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def site(server: str, catalog_template: str, home: Path) -> Iterator[str]:
    """Base URL of a server over the sample catalog, some of whose names are awkward."""
    with clone(server, catalog_template) as url:
        with psycopg.connect(url) as connection:
            connection.execute(
                "UPDATE items AS i SET product_display_name = n.name, price = 100 * n.place"
                " FROM unnest(%s::text[]) WITH ORDINALITY AS n (name, place), ("
                "  SELECT item_id, row_number() OVER (ORDER BY item_id) AS place FROM photos"
                " ) AS p WHERE p.place = n.place AND i.item_id = p.item_id",
                [AWKWARD],
            )
        with web_server(url, home) as base:
            yield base


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    yield Visit(page)
    page.close()


def tick(page: Page, field: str, value: str) -> Locator:
    group = page.get_by_role("group", name=re.compile(f"^{field}"))
    return group.get_by_role("checkbox", name=re.compile(f"^{value} [0-9]"))


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_results_follow_what_is_typed_and_ticked(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(site)
    heading, everything = page.locator("h1"), page.locator("h1").inner_text()
    women = tick(page, "Gender", "Women")
    number = women.locator("xpath=..").locator(".products").inner_text().split()[0]
    women.check()
    expect(heading).to_have_text(f"{number} products")
    expect(women).to_be_checked()
    expect(women).to_be_focused()
    assert asked(page) == {"gender": ["Women"]}
    expect(tick(page, "Gender", "Men")).to_be_visible()  # to be chosen as well
    expect(page.get_by_role("status")).to_have_text(f"{number} products")

    tick(page, "Gender", "Men").check()
    expect(page.get_by_role("link", name="Gender: Men", exact=False).first).to_be_visible()
    assert asked(page) == {"gender": ["Men", "Women"]}
    page.get_by_label("Sort by").select_option("dearest")
    expect(page.get_by_label("Sort by")).to_have_value("dearest")
    expect(page).to_have_url(re.compile("sort=dearest"))

    page.go_back()
    expect(page).not_to_have_url(re.compile("sort="))
    expect(page.get_by_label("Sort by")).to_have_value("")
    page.go_back()
    expect(heading).to_have_text(f"{number} products")
    expect(tick(page, "Gender", "Men")).not_to_be_checked()
    page.go_back()
    expect(heading).to_have_text(everything)

    box = page.get_by_role("combobox", name="Search")
    box.press_sequentially("watch", delay=20)
    expect(heading).to_contain_text("for “watch”")
    assert asked(page)["q"] == ["watch"]
    expect(box).to_be_focused()
    page.go_back()
    expect(heading).to_have_text(everything)
    expect(box).to_have_value("")
    assert visit.hosts == {urlsplit(site).netloc}
    assert visit.complaints == []


def test_the_grid_grows_as_one_scrolls(visit: Visit, site: str, photo_count: int) -> None:
    page = visit.page
    page.goto(f"{site}/?limit=12")
    cards = page.locator(".card")
    by_themselves = 12 * 6
    for _ in range(600):
        page.keyboard.press("End")
        shown = cards.count()
        if shown >= photo_count:
            break
        if shown == by_themselves:  # then they have to be asked for
            page.get_by_role("link", name="Next page").click()
            expect(cards.nth(shown)).to_be_attached()
        page.wait_for_timeout(100)
    expect(cards).to_have_count(photo_count)
    links = cards.evaluate_all("cards => cards.map(card => card.href)")
    assert len(set(links)) == photo_count
    assert visit.complaints == []


def test_the_grid_works_without_scripts(browser: Browser, site: str) -> None:
    page = browser.new_page(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{site}/?limit=12")
    tick(page, "Gender", "Women").check()
    tick(page, "Gender", "Men").check()
    page.get_by_label("Sort by").select_option("name")
    page.get_by_role("button", name="Sort").click()
    assert asked(page)["gender"] == ["Men", "Women"]
    assert asked(page)["sort"] == ["name"]
    expect(page.locator(".card")).to_have_count(12)
    page.get_by_role("link", name="Next page").click()
    expect(page.locator(".card")).to_have_count(12)
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_everybody_can_use_the_pages(browser: Browser, site: str, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE)
    visit = Visit(page)
    page.goto(f"{site}/?sort=dearest&gender=Women&gender=Men&gender=Unisex")
    first = page.locator(".card").first
    product = first.get_attribute("href")
    for url in ("/?sort=dearest", f"{product}", f"{product}?explain=true&diversity=0.5&gender=Men",
                "/?q=nothing+like+it&gender=Martians"):  # fmt: skip
        page.goto(site + url)
        for summary in page.locator("main summary").all():
            if summary.is_visible() and summary.evaluate("s => !s.parentElement.open"):
                summary.click()
        assert violations(page) == [], url
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url
    assert visit.complaints == []
    page.close()


def test_similar_products_are_narrowed_and_walked_through(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(site)
    page.locator(".card").nth(8).click()
    address = page.url
    cards = page.locator("#similar .card")
    expect(cards).to_have_count(12)
    offer = page.get_by_role("link", name=re.compile("^Same gender: "))
    gender = offer.inner_text().removeprefix("Same gender: ")
    offer.click()
    expect(page.get_by_role("link", name=f"Remove Gender: {gender}")).to_be_visible()
    expect(offer).to_have_count(0)
    assert asked(page) == {"gender": [gender]}

    page.get_by_label("Variety").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"diversity=0\.5"))
    expect(page.get_by_label("Variety")).to_have_value("0.5")
    expect(page.get_by_label("Variety")).to_be_focused()
    page.get_by_role("link", name="Why these?").click()
    expect(page.locator(".why")).to_contain_text("the cosine")
    expect(page.locator(".shared").first).to_contain_text(f"Gender: {gender}")
    page.get_by_text("The same in a shell and in SQL").click()
    expect(page.locator("#as-curl")).to_contain_text(f"gender={gender}")
    expect(page.locator("#as-sql")).to_contain_text("FROM similar_items(")

    page.goto(address)
    expect(cards).to_have_count(12)
    page.keyboard.press("ArrowRight")
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(cards.nth(0)).to_be_focused()
    href = cards.nth(0).get_attribute("href")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site}{href}")
    assert visit.complaints == []
