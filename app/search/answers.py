"""The answers of searches."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, computed_field, create_model

from app.catalog.attributes import Catalog
from app.items.product import Address, Pictured, with_attributes

Method = Literal["exact", "approximate"]


class SimilarItem(Pictured):
    """A product that looks like the query."""

    similarity: float = Field(description="cosine of the two vectors; 1: the same")
    distance: float = Field(description="1 - similarity")
    photo_position: int = Field(description="which of its photos is the most similar")

    @computed_field(description="path of that photo on this server")
    def image_url(self) -> Address:
        """Return the path of that photo on this server."""
        return self.image_at(self.photo_position)


class Explanation(BaseModel):
    """How an answer was found."""

    model: str
    search: Method
    reason: str = Field(description="why this kind of search")
    candidates: int = Field(description="vectors that were compared, or that the index returned")
    ef_search: int | None = Field(description="the index's setting; null if the index was not used")
    sql_milliseconds: float = Field(description="time spent in the database")


class SimilarItems(BaseModel):
    """Similar items, and the query as it was understood."""

    query: dict[str, Any] = Field(description="the query as it was understood")
    model: str = Field(description="the embedding model that the similarity is computed with")
    search: Method = Field(
        description="exact: all matching products were compared; approximate: the index was used"
    )
    requested: int
    returned: int
    results: list[SimilarItem] = Field(description="most similar first, ties by item_id")
    explain: Explanation | None = Field(default=None, description="present if requested")

    def left_out(self) -> set[str] | None:
        """Return the fields to leave out of the answer's JSON."""
        return {"explain"} if self.explain is None else None

    def as_json(self, context: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer's JSON, as the API and the command line print it."""
        return self.model_dump(mode="json", exclude=self.left_out(), context=dict(context or {}))


AnyAnswer = TypeVar("AnyAnswer", bound=SimilarItems)


@lru_cache(maxsize=16)
def answer_model(model: type[AnyAnswer], catalog: Catalog) -> type[AnyAnswer]:
    """Return a model of answers whose results have a catalog's attributes."""
    results: Any = (
        list[with_attributes(SimilarItem, catalog)],  # type: ignore[misc]
        Field(description=SimilarItems.model_fields["results"].description),
    )
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, results=results)
