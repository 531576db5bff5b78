"""Similar items: the one function behind the API, the page and the command line."""

from typing import Any, Literal

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, computed_field

from app.database import query
from app.items.attributes import Attributes, Filters, image_url
from app.search.errors import NoModelError, NotEmbeddedError, UnknownItemError

TOP_N = 5
MAX_TOP_N = 1000


class SimilarItem(Attributes):
    """A product that looks like the one asked about."""

    similarity: float
    """Cosine of the two vectors: 1 the same, 0 nothing in common."""
    distance: float
    """1 - similarity."""

    @computed_field
    def image_url(self) -> str:
        """Path of its photo on this server."""
        return image_url(self.item_id)


class SimilarItems(BaseModel):
    """The answer to a question for similar items."""

    query: dict[str, Any]
    """The question, as it was understood."""
    model: str
    """The embedding model that the similarity is by."""
    search: Literal["exact", "approximate"]
    """Whether every matching product was compared, or the index's candidates."""
    requested: int
    returned: int
    results: list[SimilarItem]
    """Most similar first, ties by item id."""


class _Row(SimilarItem):
    search: Literal["exact", "approximate"]


def similar_items(
    connection: psycopg.Connection[Any],
    item_id: int,
    top_n: int = TOP_N,
    filters: Filters | None = None,
    min_similarity: float | None = None,
) -> SimilarItems:
    """Find the products on sale that look most like one of them.

    Args:
        connection: a connection; both statements run in its transaction.
        item_id: the product.
        top_n: how many, 1 to 1000.
        filters: which products may be answers; all by default.
        min_similarity: least cosine similarity of an answer, -1 to 1.

    Returns:
        `top_n` products whenever so many match, itself never among them.

    Raises:
        NoModelError: no model is active.
        UnknownItemError: there is no such product.
        NotEmbeddedError: it has no vector; the text says why.
    """
    given = filters.as_json() if filters else {}
    model = _searchable(connection, item_id)
    parameters = {
        "item_id": item_id,
        "top_n": top_n,
        "filter": Jsonb(given),
        "min_similarity": min_similarity,
    }
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        rows = cursor.execute(query(__package__, "similar_items"), parameters).fetchall()
    question = {"item_id": item_id, "top_n": top_n, "filters": given}
    if min_similarity is not None:
        question["min_similarity"] = min_similarity
    return SimilarItems(
        query=question,
        model=model,
        search=rows[0].search if rows else "exact",
        requested=top_n,
        returned=len(rows),
        results=[SimilarItem(**row.model_dump(exclude={"search", "image_url"})) for row in rows],
    )


def _searchable(connection: psycopg.Connection[Any], item_id: int) -> str:
    """Return the active model's name, or raise what stands in the way of a search."""
    with connection.cursor(row_factory=dict_row) as cursor:
        state = cursor.execute(query(__package__, "item_state"), {"item_id": item_id}).fetchone()
    assert state is not None  # noqa: S101 - the query starts from one row
    if not state["known"]:
        raise UnknownItemError(f"no product has the id {item_id}")
    if state["removed"]:
        raise UnknownItemError(f"product {item_id} has left the catalog")
    if state["model"] is None:
        raise NoModelError("no embedding model is active yet: run `lookalike embed`")
    if state["embedded"]:
        return str(state["model"])
    if not state["has_photo"]:
        raise NotEmbeddedError(f"product {item_id} has no photo, so nothing can look like it")
    if state["last_error"] is not None:
        raise NotEmbeddedError(
            f"the photo of product {item_id} can't be embedded: {state['last_error']}"
        )
    raise NotEmbeddedError(
        f"product {item_id} is not embedded by {state['model']} yet: run `lookalike embed`, "
        "or wait for the worker"
    )
