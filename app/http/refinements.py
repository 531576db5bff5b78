"""What stands beside similar products: filters one click away, why, and the same elsewhere."""

import json
import shlex
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import request

from app.catalog.attributes import Catalog
from app.catalog.filters import as_list
from app.http.addresses import item_url, with_parameters
from app.http.filter_form import readable
from app.http.swatches import is_colour
from app.items.product import Product
from app.items.values import Values
from app.search.options import SearchOptions

API_OPTIONS = {"top_n", "min_similarity", "exclude_duplicates", "max_per", "diversity"}
"""The options of the API that change what is found."""

CENT = Decimal("0.01")

Link = tuple[str, str]
"""A text, and where it leads."""


def refinements(
    catalog: Catalog, values: Values, item: Product, given: Mapping[str, list[str]]
) -> list[Link]:
    """Return the filters that a product suggests, of those that are not in use.

    Args:
        catalog: the declared attributes.
        values: of the facets.
        item: the product.
        given: the parameters of the page's URL.
    """
    offers: list[tuple[str, str, list[str]]] = []
    for attribute in catalog.facets:
        value = item.value(attribute.name)
        label = attribute.label[:1].lower() + attribute.label[1:]
        if not isinstance(value, str) or not value or attribute.name in given.get("other", []):
            continue
        if is_colour(values.get(attribute.name, ())):
            others = [*given.get("other", []), attribute.name]
            if attribute.name not in given:
                offers.append((f"Another {label}", "other", others))
        elif not attribute.category or attribute.name == catalog.categories[-1]:
            offers.append((f"Same {label}: {value}", attribute.name, [value]))
    if item.brand_name:
        offers.append((f"Same brand: {item.brand_name}", "brand_name", [item.brand_name]))
    if item.price is not None and item.price > 0:
        below = Decimal(str(item.price)) - CENT
        offers.append(("Cheaper", "price_max", [f"{below:f}"]))
    offers.append(("Sold out too", "available", ["true", "false"]))
    return [
        (text, with_parameters(item_url(item), {**given, name: wanted}))
        for text, name, wanted in offers
        if name == "other" or name not in given
    ]


def without_own(
    values: Values, item: Product, filters: Mapping[str, Any], other: list[str]
) -> dict[str, Any]:
    """Return filters that let through only other values than a product's own.

    Args:
        values: of the facets.
        item: the product.
        filters: for `filter_items`.
        other: the attributes.
    """
    differing = {
        name: [value for value in values[name] if value != item.value(name)]
        for name in other
        if item.value(name) is not None
    }
    return {**filters, **differing}


def shared(catalog: Catalog, item: Product, other: Product) -> list[str]:
    """Return the labels of the filters in which two products are the same."""
    labels = {a.name: a.label for a in catalog.attributes if a.filter} | {"brand_name": "Brand"}
    return [
        f"{label}: {readable(item.value(name))}"
        for name, label in labels.items()
        if item.value(name) not in (None, [], "") and item.value(name) == other.value(name)
    ]


def as_curl(item: Product, options: SearchOptions) -> str:
    """Return the shell command that asks the API for the same similar products."""
    how = options.how.model_dump(include=API_OPTIONS)
    parameters = {
        name: [json.dumps(each) if isinstance(each, bool) else each for each in as_list(value)]
        for name, value in {**how, **options.filters}.items()
        if value or name not in how
    }
    path = item_url(item).replace("/items/", "/api/v1/items/", 1)
    url = with_parameters(f"{request.host_url.rstrip('/')}{path}/similar", parameters)
    return f"curl -s {shlex.quote(url)}"


def as_sql(item: Product, options: SearchOptions) -> str:
    """Return the SQL that finds the same similar products; without variety, which SQL lacks."""
    arguments = [_literal(item.sku), str(options.how.top_n)]
    if options.filters or options.how.min_similarity is not None:
        arguments.append(_literal(json.dumps(options.filters, ensure_ascii=False)))
    if options.how.min_similarity is not None:
        arguments.append(str(options.how.min_similarity))
    return (
        f"SELECT sku, similarity, product_display_name\nFROM similar_items({', '.join(arguments)});"
    )


def _literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
