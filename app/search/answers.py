"""What a search answers."""

from typing import Any, Literal

from pydantic import BaseModel, Field, computed_field

from app.items.attributes import Attributes, image_url

Method = Literal["exact", "approximate"]


class SimilarItem(Attributes):
    """A product that looks like what was asked about."""

    similarity: float = Field(description="cosine of the two vectors; 1: the same")
    distance: float = Field(description="1 - similarity")

    @computed_field(description="path of its photo on this server")
    def image_url(self) -> str:
        """Return the path of its photo on this server."""
        return image_url(self.item_id)


class Explanation(BaseModel):
    """How an answer was found."""

    model: str
    search: Method
    reason: str = Field(description="why that way")
    candidates: int = Field(description="vectors that were compared, or that the index gave")
    ef_search: int | None = Field(description="the index's setting; null where it was not asked")
    sql_milliseconds: float = Field(description="time spent in the database")


class SimilarItems(BaseModel):
    """The answer to a question for similar items."""

    query: dict[str, Any] = Field(description="the question, as it was understood")
    model: str = Field(description="the embedding model that the similarity is by")
    search: Method = Field(description="every matching product compared, or the index asked")
    requested: int
    returned: int
    results: list[SimilarItem] = Field(description="most similar first, ties by item id")
    explain: Explanation | None = Field(default=None, description="where it was asked for")

    def as_json(self) -> dict[str, Any]:
        """Return the answer as the API and the command line give it."""
        return self.model_dump(mode="json", exclude={"explain"} if self.explain is None else None)
