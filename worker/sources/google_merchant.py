"""Google Merchant feeds: XML (RSS 2.0 and Atom) and TSV."""

import json
import re
from collections.abc import Iterator, Sequence
from pyexpat import ExpatError
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from app.catalog.profile import FORMAT_COLUMNS, Profile
from app.errors import LookalikeError
from worker.sources.delimited import DelimitedTable
from worker.sources.files import BROKEN, SourceFile, is_html
from worker.sources.interfaces import ROWS, Frame

NAMESPACE = "{http://base.google.com/ns/1.0}"
PRODUCTS = ("item", "entry")
"""The element of a product in RSS and in Atom."""

FEED = re.compile(rb"<(?:rss|feed|channel)\b|<\w+:RDF\b")
"""The root of a feed, by which one without products is known."""

SEEN = 10_000
"""Products whose elements make the columns."""


def canonical(name: str) -> str:
    """Return a column's name in Google's form, without the prefix: `image_link`."""
    return name.strip().removeprefix("g:").lower().replace(" ", "_")


def with_plain_names(profile: Profile) -> Profile:
    """Return a profile with its column names in Google's form, without the prefix."""
    source = profile.source.model_dump(exclude_none=True)
    plain: dict[str, Any] = {
        key: canonical(source[key])
        for key in FORMAT_COLUMNS["google-merchant"]
        if key in source and key != "more_photos"
    }
    plain["more_photos"] = tuple(map(canonical, profile.source.more_photos))
    attributes = [
        each.model_copy(update={"column": canonical(each.column)}) for each in profile.attributes
    ]
    return profile.model_copy(
        update={
            "source": profile.source.model_copy(update=plain),
            "attributes": tuple(attributes),
        }
    )


class MerchantFrame(Frame):
    """Products of an XML feed, each with the texts of its elements."""

    def __init__(self, first: int, products: list[dict[str, list[str]]]) -> None:
        super().__init__(range(first, first + len(products)))
        self.products = products

    def column(self, name: str, *, many: bool = False) -> Sequence[Any]:
        """Return the text of an element in each product."""
        name = canonical(name)
        found = [each.get(name) for each in self.products]
        if many:
            return [texts[0] if texts and len(texts) == 1 else texts for texts in found]
        return [texts[0] if texts else None for texts in found]

    def raw(self, index: int) -> str:
        """Return a product as JSON."""
        return json.dumps(self.products[index], ensure_ascii=False)


class XmlTable:
    """An XML feed. See `Table`.

    Raises:
        LookalikeError: it is a web page, declares entities, or is broken.
    """

    def __init__(self, file: SourceFile) -> None:
        self.name = file.name
        self.root = file.root
        self.notes: list[str] = []
        self._file = file
        if is_html(file.head.decode(errors="replace")):
            raise LookalikeError(
                f"{self.name} is a web page (HTML) and no feed: perhaps the page of a login or an "
                "error; download the feed itself"
            )
        self.columns = self._look_ahead()
        if not self.columns and not FEED.search(file.head):
            raise LookalikeError(
                f"{self.name} is XML and no feed: expected <item> or <entry> elements"
            )

    def has(self, column: str) -> bool:
        """Return whether any of the first products has an element; a feed without any may."""
        return canonical(column) in self.columns or not self.columns

    def size(self) -> int | None:
        """Return None: counting would mean reading the feed twice."""
        return None

    def frames(self) -> Iterator[MerchantFrame]:
        """Read all products."""
        products: list[dict[str, list[str]]] = []
        first = 1
        for product in self._products():
            products.append(product)
            if len(products) == ROWS:
                yield MerchantFrame(first, products)
                first += len(products)
                products = []
        if products:
            yield MerchantFrame(first, products)

    def _look_ahead(self) -> list[str]:
        names: dict[str, None] = {}
        for frame in self.frames():
            for product in frame.products:
                names.update(dict.fromkeys(product))
            if frame.lines[-1] >= SEEN:
                break
        return list(names)

    def _products(self) -> Iterator[dict[str, list[str]]]:
        with self._file.open() as stream:
            try:
                yield from _read_products(stream)
            except DefusedXmlException:
                raise LookalikeError(
                    f"{self.name} declares XML entities, which lookalike refuses to expand: ask "
                    "for a feed without a DOCTYPE of its own"
                ) from None
            except (ParseError, ExpatError) as error:
                if "undefined entity" in str(error):
                    raise LookalikeError(
                        f"{self.name} uses a name of HTML that XML doesn't have, such as &nbsp; "
                        f"({error}): have the feed written with the characters themselves"
                    ) from None
                raise LookalikeError(
                    f"{self.name} is not well-formed XML, or cut off: {error}; fetch it again"
                ) from None
            except (ValueError, LookupError) as error:  # an unknown encoding
                raise LookalikeError(f"{self.name} can't be read as XML: {error}") from None
            except BROKEN:
                raise self._file.damaged() from None


class MerchantTable(DelimitedTable):
    """A feed as TSV; its columns get the names that they have in XML."""

    def _read_header(self, header: str) -> tuple[list[str], list[str]]:
        found, names = super()._read_header(header)
        return list(dict.fromkeys(map(canonical, found))), list(map(canonical, names))

    def has(self, column: str) -> bool:
        """Return whether there is a column."""
        return super().has(canonical(column))


def _read_products(stream: Any) -> Iterator[dict[str, list[str]]]:
    open_elements: list[Element] = []
    inside = 0
    for event, element in iterparse(stream, events=("start", "end")):
        product = _local(element.tag) in PRODUCTS
        if event == "start":
            open_elements.append(element)
            inside += product
            continue
        open_elements.pop()
        inside -= product
        if product and not inside:
            yield _texts(element)
        if not inside and open_elements:
            open_elements[-1].remove(element)  # keeps memory flat


def _texts(product: Element) -> dict[str, list[str]]:
    """Return the texts of a product by element; those in Google's namespace take precedence."""
    texts: dict[str, list[str]] = {}
    for ours in (True, False):
        found: dict[str, list[str]] = {}
        for element in product:
            if element.tag.startswith(NAMESPACE) is ours:
                _collect(element, "", found)
        for name, values in found.items():
            texts.setdefault(name, values)
    return texts


def _collect(element: Element, prefix: str, found: dict[str, list[str]]) -> None:
    name = prefix + _local(element.tag)
    text = (element.text or "").strip() or element.get("href")
    if text:
        found.setdefault(name, []).append(text)
    if prefix.count(".") < 3:
        for child in element:
            _collect(child, f"{name}.", found)


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2].removeprefix("g:")
