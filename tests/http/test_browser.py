"""The web pages in a real browser, served by the real server."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.conftest import clone, web_server
from tests.http.browsing import PATIENCE, Visit, launched
from tests.http.conftest import encoded

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def site(server: str, catalog_template: str, home: Path) -> Iterator[str]:
    """Base URL of a server that all visitors share, none of whom changes anything."""
    with clone(server, catalog_template) as url, web_server(url, home) as base:
        yield base


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE)
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


def test_a_visitor_gets_suggestions(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(site)
    offered = page.locator("#suggestions option")
    expect(offered).to_have_count(0)
    page.get_by_role("combobox", name="Search").press_sequentially("tsh")
    expect(offered.first).to_have_attribute("value", "Tshirts")
    page.get_by_role("combobox", name="Search").fill("")
    expect(offered).to_have_count(0)


def test_a_visitor_filters(visit: Visit, site: str) -> None:
    page = visit.page
    page.goto(site)
    field = page.get_by_role("checkbox", name=re.compile("^Men "))
    if not field.is_visible():
        page.get_by_text("Filters").click()
    field.check()
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


@dataclass
class Outfit:
    """A picture of two products side by side."""

    file: Path
    left: str
    right: str
    """The pages of the two."""


@pytest.fixture(scope="module")
def outfit(sample_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Outfit:
    left, *_, right = sorted((sample_catalog / "images").iterdir())
    picture = Image.new("RGB", (800, 400), "#7a8f6a")
    for at, photo in enumerate([left, right]):
        picture.paste(Image.open(photo).convert("RGB").resize((400, 400)), (400 * at, 0))
    file = tmp_path_factory.mktemp("outfit") / "outfit.jpg"
    file.write_bytes(encoded(picture, "JPEG", quality=92))
    return Outfit(file, f"/items/{left.stem}", f"/items/{right.stem}")


def test_a_visitor_searches_with_a_part_of_a_photo(visit: Visit, site: str, outfit: Outfit) -> None:
    page = visit.page
    page.goto(site)
    page.get_by_role("link", name="Search by photo").click()
    page.get_by_label("Choose a photo").set_input_files(outfit.file)
    status, first = page.get_by_role("status"), page.locator(".card").first
    expect(status).to_have_text("24 products, most similar first")
    expect(page.locator(".card")).to_have_count(24)

    _draw(page, (0.501, 0.1), (0.999, 0.98))
    expect(first).to_have_attribute("href", outfit.right)
    assert float(page.locator("#box").input_value().split(",")[0]) == pytest.approx(0.5, abs=0.02)
    _draw(page, (0.75, 0.5), (0.25, 0.5))  # moves the box
    expect(first).to_have_attribute("href", outfit.left)
    x0, _, x1, _ = map(float, page.locator("#box").input_value().split(","))
    assert x0 == pytest.approx(0, abs=0.02)
    assert x1 == pytest.approx(0.5, abs=0.02)

    page.get_by_role("button", name="Use the whole photo").click()
    expect(page.locator("#box")).to_have_value("")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls aside"

    _draw(page, (0.501, 0.1), (0.999, 0.98))
    expect(first).to_have_attribute("href", outfit.right)
    first.click()
    page.wait_for_url(f"{site}{outfit.right}*")
    assert visit.hosts == {urlsplit(site).netloc}
    assert visit.complaints == []


def test_the_box_moves_by_keyboard(visit: Visit, site: str, outfit: Outfit) -> None:
    page = visit.page
    page.goto(f"{site}/search")
    page.get_by_label("Choose a photo").set_input_files(outfit.file)
    expect(page.locator(".card")).to_have_count(24)
    edge = page.get_by_role("slider", name="Left edge of the box")
    edge.focus()
    for _ in range(5):
        page.keyboard.press("PageDown")
    expect(edge).to_have_attribute("aria-valuenow", "50")
    expect(page.locator("#box")).to_have_value("0.5,0,1,1")
    expect(page.locator(".card").first).to_have_attribute("href", outfit.right)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("End")
    expect(edge).to_have_attribute("aria-valuetext", "98 %")  # never over the one across
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(page.get_by_role("slider", name="Top edge of the box")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#box")).to_have_value("0,0,0.9,1")
    assert visit.complaints == []


def test_a_filter_searches_again(visit: Visit, site: str, outfit: Outfit) -> None:
    page = visit.page
    page.goto(f"{site}/search")
    page.get_by_label("Choose a photo").set_input_files(outfit.file)
    expect(page.locator(".card")).to_have_count(24)
    field = page.get_by_role("checkbox", name=re.compile("^Women "))
    if not field.is_visible():
        page.get_by_text("Filters").click()
    field.check()
    photo: FilePayload = {
        "name": "outfit.jpg",
        "mimeType": "image/jpeg",
        "buffer": outfit.file.read_bytes(),
    }
    answer = page.request.post(
        f"{site}/api/v1/similar", multipart={"image": photo, "gender": "Women", "top_n": "24"}
    ).json()
    page.wait_for_function(
        "links => [...document.querySelectorAll('.card')]"
        ".map(card => card.getAttribute('href')).join() === links.join()",
        arg=[f"/items/{result['sku']}" for result in answer["results"]],
    )
    page.get_by_role("button", name="Show products").click()
    expect(page.get_by_role("status")).to_contain_text("most similar first")
    assert visit.complaints == []


HAND_OVER = """([bytes, name, type, event]) => {
  const data = new DataTransfer();
  for (let at = 0; at < bytes.length; at++) {
    data.items.add(new File([Uint8Array.from(bytes[at])], name, { type }));
  }
  const made = event === "drop"
    ? new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true })
    : new ClipboardEvent(event, { clipboardData: data, bubbles: true, cancelable: true });
  document.querySelector("h1").dispatchEvent(made);
  return made.defaultPrevented;
}"""


def test_photos_are_dropped_and_pasted(visit: Visit, site: str, outfit: Outfit) -> None:
    page = visit.page
    photo = list(outfit.file.read_bytes())
    for event in ("drop", "paste"):
        page.goto(f"{site}/search")
        page.evaluate(HAND_OVER, [[photo], "outfit.jpg", "image/jpeg", event])
        expect(page.locator(".card")).to_have_count(24)
        expect(page.locator("#crop")).to_be_visible()
    page.evaluate(HAND_OVER, [[photo, photo], "outfit.jpg", "image/jpeg", "drop"])
    expect(page.get_by_role("status")).to_have_text("Drop one photo at a time.")
    assert page.evaluate(HAND_OVER, [[], "", "", "drop"]), "the browser would leave the page"
    expect(page.get_by_role("status")).to_contain_text("That is no file")
    expect(page.locator(".card")).to_have_count(0)
    assert visit.complaints == []


def test_what_is_no_photo_gets_a_sentence_on_the_page(
    visit: Visit, site: str, outfit: Outfit
) -> None:
    page = visit.page
    page.goto(f"{site}/search")
    status = page.get_by_role("status")
    page.get_by_role("button", name="Find similar products").click()
    expect(status).to_have_text("Choose a photo first.")
    page.evaluate(HAND_OVER, [[list(b"%PDF-1.7 ...")], "a.pdf", "application/pdf", "drop"])
    expect(status).to_contain_text("This photo can't be used: not an image in a known format")
    expect(page.get_by_text("no box to draw")).to_be_visible()
    half = outfit.file.read_bytes()[:9000]
    page.evaluate(HAND_OVER, [[list(half)], "half.jpg", "image/jpeg", "paste"])
    expect(status).to_contain_text("This photo can't be used: can't be decoded")
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(60_000_001)], "huge.jpg"));
          const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true });
          document.body.dispatchEvent(drop);
        }"""
    )
    expect(status).to_have_text("This photo has 61 MB, more than the 20 MB that this server takes.")
    expect(page.locator(".card")).to_have_count(0)
    page.get_by_label("Choose a photo").set_input_files(outfit.file)
    expect(page.locator(".card")).to_have_count(24)
    # The browser itself writes that the server refused.
    assert all("Failed to load resource" in complaint for complaint in visit.complaints)


def test_a_photo_that_the_browser_cannot_show_is_searched_with(
    visit: Visit, site: str, outfit: Outfit
) -> None:
    page = visit.page
    page.goto(f"{site}/search")
    picture = io.BytesIO()
    Image.open(outfit.file).convert("CMYK").save(picture, "TIFF")
    page.get_by_label("Choose a photo").set_input_files(
        {"name": "scan.tif", "mimeType": "image/tiff", "buffer": picture.getvalue()}
    )
    expect(page.locator(".card")).to_have_count(24)
    expect(page.get_by_text("no box to draw")).to_be_visible()
    expect(page.locator("#crop")).to_be_hidden()
    assert visit.complaints == []


@pytest.mark.parametrize("kind", ["a photo", "60 MB"])
def test_the_form_works_without_scripts(
    browser: Browser, site: str, outfit: Outfit, tmp_path: Path, kind: str
) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.set_default_timeout(PATIENCE)
    page.goto(f"{site}/search")
    expect(page.locator("#crop")).to_be_hidden()
    file = outfit.file
    if kind == "60 MB":
        file = tmp_path / "huge.jpg"
        file.write_bytes(bytes(60_000_000))
    page.get_by_label("Choose a photo").set_input_files(file)
    page.get_by_role("checkbox", name=re.compile("^Women ")).check()
    page.get_by_role("button", name="Find similar products").click()
    if kind == "60 MB":
        expect(page.get_by_role("status")).to_contain_text("larger than the 20 MB")
    else:
        expect(page.get_by_role("status")).to_contain_text("most similar first")
        expect(page.locator(".card").first).to_be_visible()
        expect(page.get_by_role("checkbox", name=re.compile("^Women "))).to_be_checked()
    page.close()


def _draw(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the preview, from one place to another; each a fraction of it."""
    crop = page.locator("#crop")
    crop.scroll_into_view_if_needed()
    area = crop.bounding_box()
    assert area is not None
    places = [
        (area["x"] + x * area["width"], area["y"] + y * area["height"])
        for x, y in (start, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), end)
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def _loaded(page: Page, selector: str) -> bool:
    photo = page.locator(selector)
    return bool(photo.evaluate("photo => photo.decode().then(() => photo.naturalWidth > 0)"))
