"""What can be asked of a search, beside the thing to compare with."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from app.items.attributes import Filters, as_list

TOP_N = 5
MAX_TOP_N = 1000

CAPPED = (
    "gender", "master_category", "sub_category", "article_type", "base_colour", "season", "usage",
    "brand_name",
)  # fmt: skip
"""Attributes whose number of results a cap can limit."""


def _known_cap(text: str) -> str:
    found = re.fullmatch(r"(\w+):([1-9]\d{0,3})", text)
    if found is None or found[1] not in CAPPED:
        raise ValueError(f"expected ATTRIBUTE:NUMBER, the attribute one of {', '.join(CAPPED)}")
    return text


Caps = Annotated[
    list[Annotated[str, AfterValidator(_known_cap)]],
    BeforeValidator(as_list),
    Field(max_length=8, description="at most so many results of one value, as article_type:2"),
]


class Options(BaseModel):
    """How many similar products to find, and how varied."""

    model_config = ConfigDict(extra="forbid")

    top_n: int = Field(default=TOP_N, ge=1, le=MAX_TOP_N, description="how many")
    min_similarity: float | None = Field(
        default=None, ge=-1, le=1, allow_inf_nan=False, description="least cosine similarity"
    )
    exclude_duplicates: bool = Field(
        default=False, description="leave out near-identical photos, of the query and each other"
    )
    max_per: Caps = Field(default_factory=list)
    diversity: float = Field(
        default=0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="0: the most similar; towards 1: less like each other (maximal marginal "
        "relevance)",
    )
    explain: bool = Field(default=False, description="say how the answer was found")

    @property
    def caps(self) -> dict[str, int]:
        """Return how many results of one value each capped attribute may have."""
        return {
            name: int(number) for name, _, number in (cap.partition(":") for cap in self.max_per)
        }

    @property
    def varied(self) -> bool:
        """Return whether the nearest products alone may not be the answer."""
        return self.exclude_duplicates or bool(self.max_per) or self.diversity > 0


class SearchOptions(Options, Filters):
    """Which similar products to find, how many, and how varied."""

    def as_question(self) -> dict[str, Any]:
        """Return what was asked, as the answer repeats it."""
        fields = self.model_fields_set - {"top_n"}
        return {
            "top_n": self.top_n,
            "filters": self.as_json(),
            **{name: getattr(self, name) for name in Options.model_fields if name in fields},
        }
