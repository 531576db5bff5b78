"""Searches over HTTP that aren't about one item: by a photo, by examples, for duplicates."""

from functools import lru_cache
from typing import Annotated, Any

from flask import Blueprint, Response, request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model
from pydantic_core import from_json
from werkzeug.datastructures import FileStorage

from app.catalog.attributes import Catalog
from app.catalog.filters import Text, as_list, filter_names, filters_model
from app.http.answers import query_parameters, send, unwrap_single
from app.http.context import connection, photo_search, searching, with_catalog
from app.http.openapi import Operation, always, operation
from app.items.parameters import read_parameters, read_with_filters
from app.search.answers import SimilarItems, answer_model
from app.search.by_photo import Photo, Wish, similar_to_photo
from app.search.by_words import Words, WordsQuery, found_model, search_by_words
from app.search.duplicates import Duplicates, list_duplicates
from app.search.errors import QueryError
from app.search.options import Options, SearchOptions, capped, options_model
from app.search.recommend import (
    RecommendationRequest,
    Recommendations,
    recommend,
    request_model,
)

blueprint = Blueprint("searches", __name__, url_prefix="/api/v1")

TAG = "searches"

MAX_PHOTOS = 10
"""Maximum number of photos of a list of examples."""

MAX_JSON_BYTES = 1_000_000

JSON = "application/json"
MULTIPART = "multipart/form-data"
UPLOAD_PROBLEMS = (413, 415, 422, 503)


def _file(value: Any) -> Any:
    """Refuse a value that is no file, or a field without a chosen file."""
    if not isinstance(value, FileStorage) or not value.filename:
        raise ValueError("expected one file, sent with its name")
    return value


File = Annotated[
    Any, BeforeValidator(_file), WithJsonSchema({"type": "string", "format": "binary"})
]
Files = Annotated[list[File], BeforeValidator(as_list), Field(max_length=MAX_PHOTOS)]


class PhotoForm(Options):
    """A photo, and which similar products to find."""

    image: File = Field(description="JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF")
    text: Words | None = Field(default=None, description="words to add to the photo's look")
    text_weight: float = Field(
        default=1.0,
        allow_inf_nan=False,
        description="weight of the text beside the photo; negative: away from it",
    )


class ExamplesForm(BaseModel):
    """Photos as examples, and a request with examples from the catalog."""

    model_config = ConfigDict(extra="forbid")

    request: str = Field(default="{}", description="a RecommendationRequest, as JSON")
    positive_image: Files = Field(default_factory=list, description="photos to be like")
    negative_image: Files = Field(default_factory=list, description="photos to be unlike")


class DuplicatesQuery(BaseModel):
    """Which near-identical pairs to list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=100, description="maximum number of pairs")
    cursor: Text | None = Field(default=None, description="next_cursor of the page before")


@lru_cache(maxsize=8)
def photo_form(catalog: Catalog) -> type[PhotoForm]:
    """Return the form of a search by photo, with a catalog's attributes for `max_per`."""
    return create_model("PhotoForm", __base__=PhotoForm, **capped(catalog))


@blueprint.post("/similar")
@operation(
    Operation(
        "Products similar to a photo",
        TAG,
        lambda catalog: answer_model(SimilarItems, catalog),
        parameters=[options_model, filters_model],
        bodies={MULTIPART: [photo_form, filters_model]},
        problems=UPLOAD_PROBLEMS,
    )
)
@with_catalog
def by_photo(catalog: Catalog) -> Response:
    """The products whose photos look most like the uploaded one, most similar first."""
    in_url, fields = query_parameters(), _multipart()
    SearchOptions.read(catalog, in_url)  # parameters that the form overrides have to be valid too
    form, filters = read_with_filters(catalog, photo_form(catalog), {**in_url, **fields})
    photo = Photo("image", form.image.read())
    wish = None if form.text is None else Wish(form.text, form.text_weight)
    answer = similar_to_photo(photo_search(), photo, SearchOptions(catalog, form, filters), wish)
    return send(answer, answer.left_out())


@blueprint.post("/recommendations")
@operation(
    Operation(
        "Products like some and unlike others",
        TAG,
        lambda catalog: answer_model(Recommendations, catalog),
        bodies={JSON: [request_model], MULTIPART: [always(ExamplesForm)]},
        problems=UPLOAD_PROBLEMS,
    )
)
@with_catalog
def recommendations(catalog: Catalog) -> Response:
    """The products most similar to the weighted mean of examples, away from others."""
    if request.mimetype == MULTIPART:
        form = read_parameters(ExamplesForm, _multipart())
        asked = _parse(catalog, form.request, "request")
    else:
        form = ExamplesForm()
        request.max_content_length = MAX_JSON_BYTES
        asked = _parse(catalog, request.get_data(), "body")
    positive = [Photo("positive_image", file.read()) for file in form.positive_image]
    negative = [Photo("negative_image", file.read()) for file in form.negative_image]
    answer = recommend(photo_search(), catalog, asked, positive, negative)
    return send(answer, answer.left_out())


@blueprint.get("/search")
@operation(
    Operation(
        "Products found by words", TAG, found_model, parameters=[always(WordsQuery), filters_model]
    )
)
@with_catalog
def by_words(catalog: Catalog) -> Response:
    """The products whose names and brands have the words, or whose photos look like them."""
    asked, filters = read_with_filters(catalog, WordsQuery, query_parameters())
    with searching() as borrowed:
        answer = search_by_words(borrowed, catalog, asked, filters)
    return send(answer, answer.left_out())


@blueprint.get("/duplicates")
@operation(
    Operation(
        "Near-identical products", TAG, always(Duplicates), parameters=[always(DuplicatesQuery)]
    )
)
def duplicates() -> Response:
    """Pairs of listed products whose photos are the same, or nearly the same."""
    asked = read_parameters(DuplicatesQuery, query_parameters())
    with connection() as borrowed:
        page = list_duplicates(borrowed, asked.limit, asked.cursor)
    return send(page)


def _multipart() -> dict[str, Any]:
    """Return the fields of a multipart form; repeated fields as lists."""
    if request.mimetype != MULTIPART:
        return {}  # not parsed: only multipart forms have a limit on the number of fields
    return unwrap_single([*request.form.lists(), *request.files.lists()])


def _parse(catalog: Catalog, text: str | bytes, parameter: str) -> RecommendationRequest:
    try:
        content = from_json(text)
    except ValueError as error:
        raise QueryError(parameter, f"expected JSON: {error}") from None
    if not isinstance(content, dict):
        raise QueryError(parameter, 'expected a JSON object, such as {"positive": ["TS-100-RED"]}')
    stray = sorted(set(content) & set(filter_names(catalog)))
    if stray:
        raise QueryError(stray[0], 'it belongs below "filters"')
    return read_parameters(request_model(catalog), content, catalog)
