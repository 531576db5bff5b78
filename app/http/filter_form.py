"""The filter form of the pages: fields, labels and texts of values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.catalog.attributes import Catalog
from app.catalog.filters import RANGED
from app.catalog.profile import Attribute
from app.http.swatches import is_colour, swatch
from app.items.facets import Facets
from app.items.product import Product

ENDS = {"min": "from", "max": "to"}

YES_NO = {"true": "Yes", "false": "No"}


@dataclass(frozen=True)
class Option:
    """A value to tick."""

    value: str
    text: str
    products: int
    """How many it would find."""
    chosen: bool
    swatch: str | None
    """The colour that shows it, see `app.http.swatches`."""


@dataclass(frozen=True)
class Choice:
    """A filter with values to tick."""

    name: str
    label: str
    options: list[Option]

    @property
    def chosen(self) -> int:
        """Return how many of its values are chosen."""
        return sum(option.chosen for option in self.options)


@dataclass(frozen=True)
class Bound:
    """One end of a range."""

    name: str
    label: str
    placeholder: str
    value: str


@dataclass(frozen=True)
class Range:
    """A pair of fields: the least and the greatest value."""

    label: str
    kind: str
    """The kind of input: number or date."""
    step: str
    bounds: list[Bound]


@dataclass(frozen=True)
class FilterForm:
    """The filters that a person can set, and those that are hidden fields."""

    choices: list[Choice]
    ranges: list[Range]
    hidden: list[tuple[str, str]]


def filter_labels(catalog: Catalog) -> dict[str, str]:
    """Return the label of each filter."""
    labels: dict[str, str] = {}
    for attribute in catalog.attributes:
        if attribute.filter:
            labels |= _labels(attribute.name, attribute.label, attribute.type in RANGED)
    labels |= _labels("brand_name", "Brand", False) | _labels("price", "Price", True)
    return {**labels, "available": "In stock"}


def filter_form(catalog: Catalog, facets: Facets, given: Mapping[str, list[str]]) -> FilterForm:
    """Return the form that filters a grid of products.

    Args:
        catalog: the declared attributes.
        facets: the values of the facets with counts.
        given: the parameters of the page's URL.
    """
    offered = [(a.name, a.label, a.type == "boolean") for a in catalog.choices]
    found = [
        _choice(name, label, facets.counts[name], given.get(name, []), is_boolean)
        for name, label, is_boolean in [*offered, ("brand_name", "Brand", False)]
    ]
    choices = [choice for choice in found if choice.options]
    ranges = [
        _range(attribute.name, attribute.label, attribute.type, given)
        for attribute in catalog.attributes
        if attribute.filter and attribute.type in RANGED
    ]
    ranges.append(_range("price", "Price", "number", given))
    shown = {choice.name for choice in choices} | {b.name for r in ranges for b in r.bounds}
    carried = [*(name for name in filter_labels(catalog) if name not in shown), "limit"]
    hidden = [(name, value) for name in carried for value in given.get(name, [])]
    return FilterForm(choices, ranges, hidden)


def readable(value: Any) -> str:
    """Return a value of an attribute as text for people."""
    if isinstance(value, bool):
        return YES_NO["true" if value else "false"]
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return str(value)


def card_line(catalog: Catalog, product: Product) -> str:
    """Return the line of a product's card below its name."""
    parts: list[str] = []
    for attribute in catalog.attributes:
        value = product.value(attribute.name) if attribute.card else None
        if value is True:
            parts.append(attribute.label)
        elif isinstance(value, list):
            parts += value
        elif value not in (None, False, ""):
            parts.append(readable(value))
    return " · ".join(parts)


Link = tuple[str, dict[str, Any] | None]
"""A text, and the filters of the grid that it links to; None without a link."""


def attribute_list(catalog: Catalog, product: Product) -> list[tuple[str, list[Link]]]:
    """Return the labels and values of a product's attributes."""
    rows: list[tuple[str, list[Link]]] = []
    if product.brand_name:
        rows.append(("Brand", [(product.brand_name, {"brand_name": product.brand_name})]))
    for attribute in catalog.attributes:
        value = product.value(attribute.name)
        if value is not None and value != []:
            values = value if isinstance(value, list) else [value]
            rows.append((attribute.label, [_link(attribute, each) for each in values]))
    return rows


def _link(attribute: Attribute, value: Any) -> Link:
    text, name = readable(value), attribute.name
    if not attribute.filter:
        return text, None
    if attribute.type in RANGED:
        return text, {f"{name}_min": text, f"{name}_max": text}
    return text, {name: str(value).lower() if isinstance(value, bool) else value}


def _labels(name: str, label: str, ranged: bool) -> dict[str, str]:
    if not ranged:
        return {name: label}
    return {f"{name}_{end}": f"{label} {word}" for end, word in ENDS.items()}


def _choice(
    name: str, label: str, counts: Mapping[str, int], given: list[str], is_boolean: bool
) -> Choice:
    wanted = [_canonical(value) for value in given] if is_boolean else given
    products = {**counts, **{value: 0 for value in wanted if value not in counts}}
    coloured = not is_boolean and is_colour(products)
    options = [
        Option(
            value,
            YES_NO.get(value, value) if is_boolean else value,
            number,
            value in wanted,
            (swatch(value) or "none") if coloured else None,
        )
        for value, number in products.items()
    ]
    return Choice(name, label, options)


def _canonical(value: str) -> str:
    """Return the value of a field for a boolean of a URL, which may be `yes` or `1`."""
    return "true" if value.strip().lower() in ("true", "1", "yes", "y", "on", "t") else "false"


def _range(name: str, label: str, type_: str, given: Mapping[str, list[str]]) -> Range:
    bounds = [
        Bound(f"{name}_{end}", f"{label} {word}", word, "".join(given.get(f"{name}_{end}", [])[:1]))
        for end, word in ENDS.items()
    ]
    step = "1" if type_ == "integer" else "any"
    return Range(label, "date" if type_ == "date" else "number", step, bounds)
