"""The catalog profile: a TOML file that maps a source to products and declares attributes."""

import re
import tomllib
import unicodedata
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from app.errors import LookalikeError

DATASET = "fashion-product-images"
"""The profile that is part of this package."""

AttributeType = Literal["text", "integer", "number", "boolean", "date", "text[]"]
Format = Literal["dataset", "csv", "tsv", "jsonl", "parquet", "google-merchant", "shopify", "sql"]

CORE_COLUMNS = (
    "item_id", "sku", "product_display_name", "brand_name", "price", "discounted_price",
    "available", "details", "created_at", "updated_at", "removed_at", "name_search",
)  # fmt: skip
"""Columns that `items` has in every catalog."""

RESERVED = {
    *CORE_COLUMNS, "similarity", "distance", "search", "photo_position", "position", "embedding",
    "image_url", "has_photo", "image_width", "image_height", "photos", "q", "limit", "cursor",
    "top_n", "min_similarity", "exclude_duplicates", "max_per", "diversity", "explain", "image",
    "filters", "positive", "negative", "item", "text", "brand", "title", "sort",
    "other",
    "pkey", "sku_key", "items", "with_photo", "embedded", "percent", "products", "asked", "chance",
    "place", "neighbour_id", "neighbour_brand_name",
}  # fmt: skip
"""Names used by responses, requests, indexes and views, which no attribute can have."""

MAX_NAME_BYTES = 55
"""Postgres cuts names at 63 bytes, and the index of an attribute's column is called items_NAME."""


def is_name(text: str) -> bool:
    """Return whether an attribute may be called so, and Postgres takes it without quotes.

    It consists of small letters of any script, digits and _, and begins with a letter.
    """
    return (
        text[:1].isalpha()
        and len(text.encode()) <= MAX_NAME_BYTES
        and text == unicodedata.normalize("NFKC", text).lower()
        and all(map(is_letter, text))
    )


def is_letter(character: str) -> bool:
    """Return whether a name may contain a character: a letter, one's mark, a digit or _."""
    return character == "_" or character.isalnum() or unicodedata.category(character) in MARKS


MARKS = ("Mn", "Mc")
"""Unicode's categories of marks, such as the vowels of Devanagari and Thai."""

UNQUOTED = re.compile(r"^\[attributes\.([^\]\s\"']*[^\]\s\"'\x00-\x7f][^\]\s\"']*)\]", re.MULTILINE)
"""A name with letters that TOML takes only in quotes."""

PACKAGED = re.compile(r"[a-z][a-z0-9-]*")
"""Names of the profiles of this package."""

FORMAT_COLUMNS: dict[str, dict[str, str]] = {
    "google-merchant": {
        "sku": "id", "title": "title", "brand": "brand", "price": "price",
        "discounted_price": "sale_price", "available": "availability", "photo": "image_link",
        "more_photos": "additional_image_link",
    },
    "shopify": {
        "sku": "Handle", "title": "Title", "brand": "Vendor", "price": "Variant Price",
        "photo": "Image Src",
    },
}  # fmt: skip
"""The core columns of formats with fixed column names; a profile may leave them out."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Source(BaseModel):
    """The source's columns for the core columns; None for those that it lacks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Format
    sku: str = Field(description="the source's own id of a product")
    title: str | None = None
    brand: str | None = None
    price: str | None = None
    discounted_price: str | None = None
    available: str | None = None
    photo: str | None = Field(default=None, description="a path below the root, or a URL")
    more_photos: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(), description="further photos: columns with a list, or a text with commas between"
    )
    encoding: str = "utf-8"
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("format"), str):
            return {**FORMAT_COLUMNS.get(given["format"], {}), **given}
        return given


def _weight(value: Any) -> Any:
    return float(value) if isinstance(value, bool) else value


class Attribute(BaseModel):
    """An attribute of the products: a column of `items`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    column: str = Field(description="its column in the source; its name by default")
    type: AttributeType
    label: str = Field(description="what people read; made from the name by default")
    description: str = ""
    filter: bool = False
    facet: bool = False
    train: Annotated[float, BeforeValidator(_weight), Field(ge=0, le=100)] = 0.0
    """How much it counts as a label of `train` and `evaluate`; `true` is 1."""
    category: bool = False
    """Whether it is a level of the category tree; they are declared from coarse to fine."""
    card: bool = False
    """Whether the cards of products show it."""
    cohesion_view: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,62}$")

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("name"), str):
            name = given["name"]
            return {"column": name, "label": name.replace("_", " ").capitalize(), **given}
        return given

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not is_name(self.name):
            raise ValueError(
                "a name is made of small letters, digits and _, begins with a letter, and has up "
                f"to {MAX_NAME_BYTES} bytes"
            )
        if self.name in RESERVED or self.name.endswith(("_min", "_max")):
            raise ValueError(
                "this name is taken by lookalike itself: choose another, and set column"
            )
        if (self.train or self.category or self.cohesion_view) and self.type not in (
            "text", "boolean",
        ):  # fmt: skip
            raise ValueError("train, category and cohesion_view are for text and boolean")
        if self.facet and self.type not in ("text", "boolean", "text[]"):
            raise ValueError("facet is for text, boolean and text[]")
        if self.facet and not self.filter:
            raise ValueError("a facet has to be a filter too")
        return self


class Profile(BaseModel):
    """A catalog profile. `text` is the TOML that it was read from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    text: str
    source: Source
    attributes: tuple[Attribute, ...] = ()


def load_profile(name: str) -> Profile:
    """Return a profile: one of this package by its name, or any by the path of its file.

    Raises:
        LookalikeError: the profile is missing or invalid; the text says where.
    """
    builtin = files(__package__).joinpath("profiles", f"{name}.toml")
    if PACKAGED.fullmatch(name) and builtin.is_file():
        return parse_profile(builtin.read_text(encoding="utf-8"), name)
    file = Path(name)
    try:
        return parse_profile(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise LookalikeError(f"can't read the profile {name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise LookalikeError(f"the profile {name} is not UTF-8: save it as UTF-8") from None


def parse_profile(text: str, name: str) -> Profile:
    """Parse the TOML of a profile.

    Args:
        text: the TOML.
        name: the profile's name, also in messages: usually its file.

    Raises:
        LookalikeError: it is not valid TOML, or no profile; the text says where.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        bare = UNQUOTED.search(text)
        way_out = f'; put {bare[1]} in quotes, [attributes."{bare[1]}"]' if bare else ""
        raise LookalikeError(f"the profile {name} is not valid TOML: {error}{way_out}") from None
    attributes = given.pop("attributes", {})
    if isinstance(attributes, dict):
        attributes = [
            {"name": key, **value} if isinstance(value, dict) else value
            for key, value in attributes.items()
        ]
    try:
        return Profile.model_validate(
            {**given, "name": name, "text": text, "attributes": attributes}
        )
    except ValidationError as error:
        found = error.errors()[0]
        where = list(found["loc"])
        if where[:1] == ["attributes"] and len(where) > 1 and isinstance(where[1], int):
            declared = attributes[where[1]]
            where[1] = declared["name"] if isinstance(declared, dict) else where[1]
        place = ".".join(map(str, where)) or "the top level"
        reason = found["msg"].removeprefix("Value error, ")
        if found["type"] == "extra_forbidden":
            models: dict[Any, type[BaseModel]] = {"source": Source, "attributes": Attribute}
            model = models.get(where[0] if len(where) > 1 else None, Profile)
            keys = [key for key in model.model_fields if key not in ("name", "text")]
            reason = f"there is no such key; there are: {', '.join(keys)}"
        raise LookalikeError(f"the profile {name} is wrong at {place}: {reason}") from None
