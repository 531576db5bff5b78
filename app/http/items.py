"""Items over HTTP: a page of them, one, its photos, and similar ones."""

from typing import Annotated

from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field

from app.catalog.attributes import Catalog
from app.catalog.filters import Text, filters_model
from app.http.answers import query_parameters, send
from app.http.context import asking_once, connection, context, with_catalog
from app.http.openapi import IMAGE, Operation, always, operation
from app.http.photos import send_photo
from app.items.keys import ItemKey
from app.items.listing import ItemDetail, get_item, get_photo, list_items, page_model
from app.items.parameters import read_parameters, read_with_filters
from app.items.product import with_attributes
from app.photos.retry import RetryPolicy
from app.photos.storage import photo_storage
from app.search.answers import SimilarItems, answer_model
from app.search.errors import NotEmbeddedError, UnknownItemError
from app.search.options import FIRST_PHOTO, PhotoChoice, SearchOptions, options_model
from app.search.similar import similar_items

blueprint = Blueprint("items", __name__, url_prefix="/api/v1/items")

TAG = "items"

ONE_ATTEMPT = RetryPolicy(attempts=1)
"""No retries, since a person waits for the response."""


class ItemsQuery(BaseModel):
    """Which products to list."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[Text | None, Field(description="words of the name or brand")] = None
    limit: int = Field(default=20, ge=1, le=100, description="maximum number of products")
    cursor: Text | None = Field(default=None, description="next_cursor of the page before")


class ImageQuery(BaseModel):
    """Which photo of a product."""

    model_config = ConfigDict(extra="forbid")

    position: int | None = Field(
        default=None, ge=1, le=2**15 - 1, description="its place, from 1; the first by default"
    )


class PhotosQuery(BaseModel):
    """What to compare with."""

    model_config = ConfigDict(extra="forbid")

    photos: PhotoChoice = Field(
        default=FIRST_PHOTO, description="which of the product's photos to compare with"
    )


@blueprint.get("")
@operation(
    Operation(
        "list_items",
        "List products",
        TAG,
        page_model,
        parameters=[always(ItemsQuery), filters_model],
    )
)
@with_catalog
def list_(catalog: Catalog) -> Response:
    """A page of the listed products, by item_id."""
    asked, filters = read_with_filters(catalog, ItemsQuery, query_parameters())
    with connection() as borrowed:
        page = list_items(borrowed, catalog, filters, asked.q, asked.limit, asked.cursor)
    return send(page)


@blueprint.get("/<sku:item>")
@operation(
    Operation(
        "get_item",
        "One product",
        TAG,
        lambda catalog: with_attributes(ItemDetail, catalog),
        problems=[404, 503],
    )
)
@with_catalog
def item(catalog: Catalog, item: str) -> Response:
    """A product with all its data."""
    key = ItemKey.from_text(item)
    with connection() as borrowed:
        found = get_item(borrowed, catalog, key)
    if found is None:
        raise UnknownItemError.named(key)
    return send(found)


@blueprint.get("/<sku:item>/image")
@operation(
    Operation(
        "get_item_image",
        "A product's photo",
        TAG,
        IMAGE,
        parameters=[always(ImageQuery)],
        problems=[404, 409, 422, 503],
    )
)
def image(item: str) -> Response:
    """The photo's file, unchanged."""
    key = ItemKey.from_text(item)
    position = read_parameters(ImageQuery, query_parameters()).position
    with connection() as borrowed:
        found = get_photo(borrowed, key, position)
        if found is None:
            raise UnknownItemError.named(key)
        if found.reference is None and position is None:
            raise NotEmbeddedError(f"product {key} has no photo")
        if found.reference is None:
            raise UnknownItemError(f"product {key} has no photo at position {position}")
        storage = photo_storage(borrowed, context().settings, ONE_ATTEMPT)
    return send_photo(storage, found.reference, key)


@blueprint.get("/<sku:item>/similar")
@operation(
    Operation(
        "similar_items",
        "Similar products",
        TAG,
        lambda catalog: answer_model(SimilarItems, catalog),
        parameters=[options_model, always(PhotosQuery), filters_model],
        problems=[404, 409, 422, 503],
    )
)
@with_catalog
def similar(catalog: Catalog, item: str) -> Response:
    """The products whose photos look most like this one's, most similar first."""
    given = query_parameters()
    photos = {name: given.pop(name) for name in PhotosQuery.model_fields if name in given}
    options = SearchOptions.read(catalog, given)
    choice = read_parameters(PhotosQuery, photos).photos
    with asking_once() as borrowed:
        answer = similar_items(borrowed, ItemKey.from_text(item), options, choice)
    return send(answer, answer.left_out())
