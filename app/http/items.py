"""Items over HTTP: a page of them, one, its photos, and similar ones."""

from typing import Annotated

from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field

from app.catalog.attributes import Catalog
from app.catalog.filters import Text, filters_model
from app.http.answers import query_parameters, send
from app.http.context import asking_once, connection, with_catalog
from app.http.openapi import IMAGE, Operation, always, operation
from app.http.photos import send_photo, send_thumbnail
from app.items.keys import ItemKey
from app.items.listing import ItemDetail, Sort, get_item, get_photo, list_items, page_model
from app.items.parameters import read_parameters, read_with_filters
from app.items.product import with_attributes
from app.photos.thumbnails import Width
from app.search.answers import SimilarItems, answer_model
from app.search.errors import NotEmbeddedError, UnknownItemError
from app.search.options import FIRST_PHOTO, PhotoChoice, SearchOptions, options_model
from app.search.similar import similar_items

blueprint = Blueprint("items", __name__, url_prefix="/api/v1/items")

TAG = "items"


class ItemsQuery(BaseModel):
    """Which products to list."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[Text | None, Field(description="words of the name or brand")] = None
    sort: Sort | None = Field(
        default=None, description="newest, cheapest, dearest first, or by name; else by item_id"
    )
    limit: int = Field(default=20, ge=1, le=100, description="maximum number of products")
    cursor: Text | None = Field(default=None, description="next_cursor of the page before")


class ImageQuery(BaseModel):
    """Which photo of a product."""

    model_config = ConfigDict(extra="forbid")

    position: int | None = Field(
        default=None, ge=1, le=2**15 - 1, description="its place, from 1; the first by default"
    )
    width: Width | None = Field(
        default=None,
        description="of a thumbnail, at most, in pixels: WebP for clients that accept it, else "
        "JPEG; the file itself by default",
    )
    v: Annotated[
        Text | None,
        Field(description="the first 16 digits of the file's SHA-256 or more: lets caches keep it"),
    ] = None


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
    """A page of the listed products."""
    asked, filters = read_with_filters(catalog, ItemsQuery, query_parameters())
    with connection() as borrowed:
        page = list_items(
            borrowed, catalog, filters, asked.q, asked.limit, asked.cursor, sort=asked.sort
        )
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
    """The photo's file, unchanged; or a thumbnail of it, upright and in sRGB over white."""
    key = ItemKey.from_text(item)
    asked = read_parameters(ImageQuery, query_parameters())
    with connection() as borrowed:
        photo = get_photo(borrowed, key, asked.position)
    if photo is None:
        raise UnknownItemError.named(key)
    if photo.reference is None or photo.sha256 is None:
        if asked.position is None:
            raise NotEmbeddedError(f"product {key} has no photo")
        raise UnknownItemError(f"product {key} has no photo at position {asked.position}")
    if asked.width is None:
        return send_photo(key, photo.reference, photo.sha256, asked.v)
    return send_thumbnail(key, photo.reference, photo.sha256, asked.width, asked.v)


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
