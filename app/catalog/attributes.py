"""The attributes that are declared in a database."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.catalog.profile import Attribute
from app.database import query


@dataclass(frozen=True)
class Catalog:
    """The declared attributes of a database's products."""

    version: int
    """Increases with each change of the declaration."""
    attributes: tuple[Attribute, ...] = ()

    def __hash__(self) -> int:
        """Return the version, since models are looked up by the catalog in every request."""
        return self.version

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The attributes' names, which are columns of `items`, in the order of the profile."""
        return tuple(attribute.name for attribute in self.attributes)

    @cached_property
    def facets(self) -> tuple[Attribute, ...]:
        """The attributes whose values the pages offer as choices."""
        return tuple(attribute for attribute in self.attributes if attribute.facet)

    @cached_property
    def choices(self) -> tuple[Attribute, ...]:
        """The attributes that the pages filter by ticking: facets, and what is yes or no."""
        return tuple(a for a in self.attributes if a.facet or (a.filter and a.type == "boolean"))

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
        """The labels of `train` and `evaluate` with their weights, the largest first."""
        weights = {a.name: a.train for a in self.attributes if a.train}
        return dict(sorted(weights.items(), key=lambda label: -label[1]))

    @cached_property
    def caps(self) -> tuple[str, ...]:
        """The names that `max_per` accepts: text and boolean filters, and the brand."""
        shared = [a.name for a in self.attributes if a.filter and a.type in ("text", "boolean")]
        return (*shared, "brand_name")


def load_catalog(connection: psycopg.Connection[Any]) -> Catalog:
    """Return the attributes that a database declares."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query(__package__, "fetch_attributes")).fetchall()
    # There is always a row, which has the version even without attributes.
    version = rows[0].pop("version")
    for row in rows[1:]:
        del row["version"]
    found = [Attribute(column=row["name"], **row) for row in rows if row["name"] is not None]
    return Catalog(version, tuple(found))
