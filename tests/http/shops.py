"""A shop that sells no fashion: a catalog with attributes of every type."""

from typing import Any

import psycopg

from app.catalog.apply import apply_profile
from app.catalog.profile import parse_profile
from tests.support.products import store_model, store_product, unit_vectors

PROFILE = """
[source]
format = "csv"
sku = "sku"

[attributes.material]
type = "text"
label = "Material"
filter = true
facet = true
category = true
card = true

[attributes.form]
type = "text"
label = "Shape"
filter = true

[attributes.seats]
type = "integer"
label = "Seats"
filter = true
card = true

[attributes.weight]
type = "number"
label = "Weight in kg"
filter = true

[attributes.foldable]
type = "boolean"
label = "Foldable"
filter = true
card = true

[attributes.organic]
type = "boolean"
label = "Organic"
filter = true
facet = true

[attributes.released]
type = "date"
label = "In the shop since"
filter = true

[attributes.rooms]
type = "text[]"
label = "Rooms"
filter = true
facet = true

[attributes.story]
type = "text"
label = "Story"
"""

DIMENSIONS = 16


def declare(connection: psycopg.Connection[Any], text: str = PROFILE) -> None:
    """Apply a profile to a database, the attributes of another catalog dropped."""
    apply_profile(connection, parse_profile(text, "of a test"), drop=True)


def furnish(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Declare and store a shop of furniture; returns sku → item_id."""
    declare(connection)
    store_model(connection, DIMENSIONS)
    vectors = unit_vectors(12, DIMENSIONS)
    stored = {}
    for at, vector in enumerate(vectors):
        sku = f"SEAT-{at:02}"
        stored[sku] = store_product(
            connection,
            sku,
            [f"{sku}.jpg"],
            [vector],
            product_display_name=f"Seat {at}",
            brand_name="Oak & Sons" if at % 2 else None,
            price=100 + at,
            material=("oak", "steel", None)[at % 3],
            form=("round", "square")[at % 2],
            seats=at % 4 or None,
            weight=None if at == 5 else at + 0.5,
            foldable=(True, False, None)[at % 3],
            organic=at % 2 == 0,
            released=f"2026-{at + 1:02}-15",
            rooms=(["kitchen", "garden"], ["hall"], [])[at % 3],
            story=f"Made in year {at}",
        )
    return stored
