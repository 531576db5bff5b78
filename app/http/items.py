"""Items over HTTP: a page of them, one, its photo, and those similar to it."""

from typing import Annotated, Any

from flask import Response
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field
from werkzeug.exceptions import NotFound

from app.http.context import connection, database, settings
from app.http.photos import send_photo
from app.http.problems import PROBLEM_CONTENT
from app.items.attributes import Filters, Text
from app.items.listing import ItemDetail, ItemPage, get_item, list_items
from app.items.photos import item_on_sale, photo_root
from app.photos import Folder
from app.search.answers import SimilarItems
from app.search.errors import NotEmbeddedError, UnknownItemError
from app.search.options import SearchOptions
from app.search.similar import similar_items

blueprint = APIBlueprint(
    "items",
    __name__,
    url_prefix="/api/v1/items",
    abp_tags=[Tag(name="items", description="Products, and those that look like them")],
    abp_responses={"422": PROBLEM_CONTENT, "503": PROBLEM_CONTENT},
)


class ItemPath(BaseModel):
    """Which product."""

    item_id: int = Field(ge=1, le=2**63 - 1, description="the catalog's id of the product")


class ItemsQuery(Filters):
    """Which products to list."""

    q: Annotated[Text | None, Field(description="words of the name or brand")] = None
    limit: int = Field(default=20, ge=1, le=100, description="products a page, at most")
    cursor: Text | None = Field(default=None, description="next_cursor of the page before")


@blueprint.get("", summary="List products", responses={"200": ItemPage})
def list_(query: ItemsQuery) -> dict[str, Any]:
    """A page of the products on sale, by id."""
    with connection() as borrowed:
        page = list_items(borrowed, query, query.q, query.limit, query.cursor)
    return page.model_dump(mode="json")


@blueprint.get(
    "/<item_id>", summary="One product", responses={"200": ItemDetail, "404": PROBLEM_CONTENT}
)
def item(path: ItemPath) -> dict[str, Any]:
    """A product with all that is known of it."""
    with connection() as borrowed:
        found = get_item(borrowed, path.item_id)
    if found is None:
        raise UnknownItemError(f"no product has the id {path.item_id}")
    return found.model_dump(mode="json")


@blueprint.get(
    "/<item_id>/image",
    summary="A product's photo",
    responses={
        "200": {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        "404": PROBLEM_CONTENT,
        "409": PROBLEM_CONTENT,
    },
)
def image(path: ItemPath) -> Response:
    """The photo as the catalog has it."""
    with database().session() as session:
        found = item_on_sale(session, path.item_id)
        if found is None:
            raise UnknownItemError(f"no product has the id {path.item_id}")
        if found.image_path is None:
            raise NotEmbeddedError(f"product {path.item_id} has no photo")
        # A person waits for the answer: a storage that fails is told, not asked again.
        root, photo = photo_root(session, settings(), waits=()), found.image_path
    try:
        return send_photo(root, photo)
    except NotFound:
        where = "on this machine" if isinstance(root, Folder) else "in the storage of the photos"
        raise NotFound(f"the photo of product {path.item_id} is not {where}") from None


@blueprint.get(
    "/<item_id>/similar",
    summary="Similar products",
    responses={"200": SimilarItems, "404": PROBLEM_CONTENT, "409": PROBLEM_CONTENT},
)
def similar(path: ItemPath, query: SearchOptions) -> dict[str, Any]:
    """The products whose photos look most like this one's, most similar first."""
    with connection() as borrowed:
        answer = similar_items(borrowed, path.item_id, query)
    return answer.as_json()
