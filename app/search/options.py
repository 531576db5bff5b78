"""The options of a search: filters, number and variety of results."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    create_model,
)

from app.catalog.attributes import Catalog
from app.catalog.filters import as_list
from app.items.parameters import read_with_filters

TOP_N = 5
MAX_TOP_N = 1000

CAP = re.compile(r"(\w+):([1-9]\d{0,3})")

PhotoChoice = Literal["first", "all"]
"""Which photos of a product a search compares with."""

FIRST_PHOTO: PhotoChoice = "first"


class Options(BaseModel):
    """How many similar products to find, and how varied."""

    model_config = ConfigDict(extra="forbid")

    top_n: int = Field(default=TOP_N, ge=1, le=MAX_TOP_N, description="how many")
    min_similarity: float | None = Field(
        default=None, ge=-1, le=1, allow_inf_nan=False, description="least cosine similarity"
    )
    exclude_duplicates: bool = Field(
        default=False,
        description="leave out photos near-identical to the query's or another result's",
    )
    max_per: list[str] = Field(default_factory=list)
    diversity: float = Field(
        default=0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="0: the most similar; towards 1: less similar to each other (maximal "
        "marginal relevance)",
    )
    explain: bool = Field(default=False, description="explain how the answer was found")

    @property
    def caps(self) -> dict[str, int]:
        """Return the maximum number of results of one value, by capped attribute."""
        return {
            name: int(number) for name, _, number in (cap.partition(":") for cap in self.max_per)
        }

    @property
    def varied(self) -> bool:
        """Return whether the results may differ from the nearest products."""
        return self.compared or bool(self.max_per)

    @property
    def compared(self) -> bool:
        """Return whether the results are compared with each other."""
        return self.exclude_duplicates or self.diversity > 0


@dataclass(frozen=True)
class SearchOptions:
    """Which similar products to find, how many, and how varied."""

    catalog: Catalog
    """The declared attributes."""
    how: Options = field(default_factory=Options)
    filters: Mapping[str, Any] = field(default_factory=dict)
    """For the SQL function `filter_items`."""

    @classmethod
    def read(cls, catalog: Catalog, given: Mapping[str, Any]) -> "SearchOptions":
        """Validate the parameters of a request.

        Raises:
            ParameterError: one of them is invalid or unknown.
        """
        return cls(catalog, *read_with_filters(catalog, options_model(catalog), given))

    def as_question(self) -> dict[str, Any]:
        """Return the options for the answer's `query`."""
        how = self.how.model_dump(include=set(Options.model_fields), exclude_unset=True)
        return {"top_n": self.how.top_n, "filters": dict(self.filters), **how}


@lru_cache(maxsize=8)
def options_model(catalog: Catalog) -> type[Options]:
    """Return the class of a catalog's search options, with its attributes for `max_per`."""
    return create_model("Options", __base__=Options, __doc__=Options.__doc__, **capped(catalog))


def capped(catalog: Catalog) -> dict[str, Any]:
    """Return the field `max_per` of a catalog, for pydantic's `create_model`."""

    def check(text: str) -> str:
        found = CAP.fullmatch(text)
        if found is None or found[1] not in catalog.caps:
            known = ", ".join(catalog.caps)
            raise ValueError(f"expected ATTRIBUTE:NUMBER, the attribute one of {known}")
        return text

    example = f"{catalog.cards[0] if catalog.cards else catalog.caps[0]}:2"
    pattern = f"^({'|'.join(catalog.caps)}):[1-9][0-9]{{0,3}}$"
    schema = WithJsonSchema({"type": "string", "pattern": pattern})
    caps = Annotated[
        list[Annotated[str, AfterValidator(check), schema]],
        BeforeValidator(as_list),
        Field(max_length=8, description=f"maximum results of one value, such as {example}"),
    ]
    return {"max_per": (caps, Field(default_factory=list))}
