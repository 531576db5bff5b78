"""Reading a page as a person does: its heading, its words, where its links lead."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient

VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """A page taken apart."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.products: dict[tuple[str, str], str] = {}
        self._open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == ("span", {"class": "products"}) and data.strip():
            ticked = next(tag for kind, tag in reversed(self.tags) if kind == "input")
            self.products[str(ticked["name"]), str(ticked["value"])] = data
        if data.strip():
            self.texts.append((self._open[-1] if self._open else "", data.strip()))

    @property
    def words(self) -> str:
        """All text, spaces made one."""
        return " ".join(" ".join(text for _, text in self.texts).split())

    def inside(self, tag: str) -> list[str]:
        """The texts that stand directly in elements of a kind."""
        return [text for kind, text in self.texts if kind == tag]

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        """The attributes of the elements of a kind that have those wanted."""
        return [
            attributes
            for kind, attributes in self.tags
            if kind == tag and wanted.items() <= attributes.items()
        ]

    @property
    def items(self) -> list[int]:
        """The ids of the products of the grid, in order."""
        return [
            int(str(card["href"]).split("?")[0].rpartition("/")[2])
            for card in self.all("a", **{"class": "card"})
        ]

    @property
    def next(self) -> str | None:
        """Where the link to the next page leads."""
        links = self.all("a", rel="next")
        return links[0]["href"] if links else None

    def options(self, name: str) -> dict[str, bool]:
        """The values that a field offers, as a list or as boxes, and whether each is chosen."""
        offered = {
            str(box["value"]): "checked" in box
            for box in self.all("input", type="checkbox", name=name)
        }
        field: str | None = None
        for tag, attributes in self.tags:
            if tag == "select":
                field = attributes["name"]
            elif tag == "option" and field == name:
                offered[attributes["value"] or ""] = "selected" in attributes
        return offered

    def counts(self, name: str) -> dict[str, int]:
        """How many products each value of a field would find, as the page says."""
        return {
            value: int(number.replace(",", ""))
            for (field, value), number in self.products.items()
            if field == name
        }


def asked(url: str | None) -> dict[str, list[str]]:
    """The parameters of a URL."""
    return parse_qs(urlsplit(url or "").query)


def read(client: FlaskClient, url: str, status: int = 200) -> Page:
    """Fetch a page, which has one heading whatever its status."""
    response = client.get(url)
    assert response.status_code == status, response.text
    assert response.mimetype == "text/html"
    page = Page(response.text)
    assert len(page.all("h1")) == 1
    return page
