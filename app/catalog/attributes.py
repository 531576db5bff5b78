"""The attributes that a database declares, and what follows from them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.catalog.profile import Attribute
from app.database import query


@dataclass(frozen=True)
class Catalog:
    """What is declared of the products of a database."""

    version: int
    """Goes up whenever the declaration changes."""
    attributes: tuple[Attribute, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The attributes' names, which are columns of `items`, in the order of the profile."""
        return tuple(attribute.name for attribute in self.attributes)

    @cached_property
    def facets(self) -> tuple[Attribute, ...]:
        """The attributes whose values the pages offer to choose from."""
        return tuple(attribute for attribute in self.attributes if attribute.facet)

    @cached_property
    def cards(self) -> tuple[str, ...]:
        """The attributes that short views of a product show."""
        return tuple(attribute.name for attribute in self.attributes if attribute.card)

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The levels of the category tree, coarse ones first."""
        return tuple(attribute.name for attribute in self.attributes if attribute.category)

    @cached_property
    def labels(self) -> dict[str, float]:
        """The labels of `train` and `evaluate`, the weightiest first, with their weights."""
        weights = {a.name: a.train for a in self.attributes if a.train}
        return dict(sorted(weights.items(), key=lambda label: -label[1]))

    @cached_property
    def caps(self) -> tuple[str, ...]:
        """The names of what a cap can limit the results by: values that products share."""
        shared = [a.name for a in self.attributes if a.filter and a.type in ("text", "boolean")]
        return (*shared, "brand_name")


def load_catalog(connection: psycopg.Connection[Any]) -> Catalog:
    """Return what a database declares of its products."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query(__package__, "fetch_attributes")).fetchall()
    # At least one row, since the version has to come with no attributes too.
    version = rows[0].pop("version")
    for row in rows[1:]:
        del row["version"]
    found = [Attribute(column=row["name"], **row) for row in rows if row["name"] is not None]
    return Catalog(version, tuple(found))
