"""Searches over HTTP that aren't about one item: by a photo, by examples, for duplicates."""

from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from flask import Blueprint, Response, request
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    create_model,
)
from pydantic_core import from_json
from werkzeug.datastructures import FileStorage

from app.catalog.attributes import Catalog
from app.catalog.filters import Text, as_list, filter_names, filters_model
from app.errors import LookalikeError
from app.http.answers import MULTIPART, multipart_fields, query_parameters, send
from app.http.context import (
    asking_once,
    connection,
    context,
    photo_search,
    searching,
    with_catalog,
)
from app.http.openapi import Operation, always, operation
from app.http.problems import status_of
from app.items.parameters import read_parameters, read_with_filters
from app.photos.box import EXPECTED, Box
from app.search.answers import SimilarItems, answer_model
from app.search.batch import (
    BatchRequest,
    Failure,
    batch_answer_model,
    batch_model,
    search_batch,
)
from app.search.by_photo import Photo, Wish, similar_to_photo
from app.search.by_words import Words, WordsQuery, found_model, search_by_words
from app.search.duplicates import (
    LEAST_SIMILARITY,
    MIN_SIMILARITY,
    Duplicates,
    list_duplicates,
)
from app.search.errors import QueryError
from app.search.options import Options, SearchOptions, capped
from app.search.recommend import (
    Recommendations,
    recommend,
    request_model,
)
from app.search.suggestions import Suggestions, SuggestionsQuery, suggest

blueprint = Blueprint("searches", __name__, url_prefix="/api/v1")

TAG = "searches"

MAX_PHOTOS = 10
"""Maximum number of photos of a list of examples."""

MAX_JSON_BYTES = 1_000_000

JSON = "application/json"
Request = TypeVar("Request", bound=BaseModel)
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


def _box(value: Any) -> Box:
    if not isinstance(value, str):
        raise ValueError(EXPECTED)
    return Box.parse(value)


BoxText = Annotated[
    Box,
    PlainValidator(_box),
    WithJsonSchema({"type": "string", "examples": ["0.1,0.2,0.6,0.9"]}),
]
Boxes = Annotated[list[BoxText], BeforeValidator(as_list), Field(max_length=MAX_PHOTOS)]


class PhotoOptions(Options):
    """Which part of a photo to compare, and which similar products to find."""

    box: BoxText | None = Field(
        default=None,
        description="the part of the photo to compare, x0,y0,x1,y1 as fractions of its width and "
        "height from the left upper corner; all of it by default",
    )


class PhotoForm(PhotoOptions):
    """A photo, and which similar products to find."""

    image: File = Field(description="JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC")
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
    positive_box: Boxes = Field(
        default_factory=list,
        description="the part of each positive_image, in their order; 0,0,1,1 is all of one",
    )
    negative_box: Boxes = Field(default_factory=list, description="the same of negative_image")

    def photos(self, side: Literal["positive", "negative"]) -> list[Photo]:
        """Return the photos of one side with their boxes.

        Raises:
            QueryError: there are boxes, but not one for each photo.
        """
        name = f"{side}_image"
        files, boxes = getattr(self, name), getattr(self, f"{side}_box")
        if boxes and len(boxes) != len(files):
            raise QueryError(
                f"{side}_box", f"expected one for each {name}, {len(files)}, not {len(boxes)}"
            )
        return [
            Photo(name, file.read(), box)
            for file, box in zip(files, boxes or [None] * len(files), strict=True)
        ]


class DuplicatesQuery(BaseModel):
    """Which near-identical pairs to list."""

    model_config = ConfigDict(extra="forbid")

    min_similarity: float = Field(
        default=MIN_SIMILARITY,
        ge=LEAST_SIMILARITY,
        le=1,
        allow_inf_nan=False,
        description="least cosine similarity of two photos that are no copies of one file",
    )
    limit: int = Field(default=20, ge=1, le=100, description="maximum number of pairs")
    cursor: Text | None = Field(default=None, description="next_cursor of the page before")


@lru_cache(maxsize=8)
def photo_options(catalog: Catalog) -> type[PhotoOptions]:
    """Return the options of a search by photo, with a catalog's attributes for `max_per`."""
    return create_model("PhotoOptions", __base__=PhotoOptions, **capped(catalog))


@lru_cache(maxsize=8)
def photo_form(catalog: Catalog) -> type[PhotoForm]:
    """Return the form of a search by photo, with a catalog's attributes for `max_per`."""
    return create_model("PhotoForm", __base__=PhotoForm, **capped(catalog))


@blueprint.post("/similar")
@operation(
    Operation(
        "similar_to_photo",
        "Products similar to a photo",
        TAG,
        lambda catalog: answer_model(SimilarItems, catalog),
        parameters=[photo_options, filters_model],
        bodies={MULTIPART: [photo_form, filters_model]},
        problems=UPLOAD_PROBLEMS,
    )
)
@with_catalog
def by_photo(catalog: Catalog) -> Response:
    """The products whose photos look most like the uploaded one, most similar first."""
    in_url, fields = query_parameters(), multipart_fields()
    # Parameters that the form overrides have to be valid too.
    read_with_filters(catalog, photo_options(catalog), in_url)
    form, filters = read_with_filters(catalog, photo_form(catalog), {**in_url, **fields})
    photo = Photo("image", form.image.read(), form.box)
    wish = None if form.text is None else Wish(form.text, form.text_weight)
    answer = similar_to_photo(photo_search(), photo, SearchOptions(catalog, form, filters), wish)
    return send(answer, answer.left_out())


@blueprint.post("/similar/batch")
@operation(
    Operation(
        "similar_batch",
        "Products similar to each of many",
        TAG,
        batch_answer_model,
        bodies={JSON: [batch_model]},
        problems=(413, 422, 503),
    )
)
@with_catalog
def similar_batch(catalog: Catalog) -> Response:
    """The products most similar to each of up to 100, or why there are none."""
    asked = _read_json(catalog, batch_model(catalog))
    with asking_once() as borrowed:
        found = search_batch(borrowed, catalog, asked)
    answers = [
        {
            "item": key.written,
            "similar": None,
            "problem": Failure(status=status_of(one), detail=str(one)),
        }
        if isinstance(one, LookalikeError)
        else {"item": key.written, "similar": one, "problem": None}
        for key, one in found
    ]
    batch = batch_answer_model(catalog).model_validate({"answers": answers})
    return send(batch, batch.left_out())


@blueprint.post("/recommendations")
@operation(
    Operation(
        "recommend",
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
        form = read_parameters(ExamplesForm, multipart_fields())
        asked = _parse(catalog, request_model(catalog), form.request, "request")
    else:
        form = ExamplesForm()
        asked = _read_json(catalog, request_model(catalog))
    positive, negative = form.photos("positive"), form.photos("negative")
    answer = recommend(photo_search(), catalog, asked, positive, negative)
    return send(answer, answer.left_out())


@blueprint.get("/search")
@operation(
    Operation(
        "search_items",
        "Products found by words",
        TAG,
        found_model,
        parameters=[always(WordsQuery), filters_model],
    )
)
@with_catalog
def by_words(catalog: Catalog) -> Response:
    """The products whose names and brands have the words, or whose photos look like them."""
    asked, filters = read_with_filters(catalog, WordsQuery, query_parameters())
    with searching() as borrowed:
        answer = search_by_words(borrowed, catalog, asked, filters)
    return send(answer, answer.left_out())


@blueprint.get("/suggestions")
@operation(
    Operation(
        "suggest",
        "Suggestions as one types",
        TAG,
        always(Suggestions),
        parameters=[always(SuggestionsQuery)],
    )
)
@with_catalog
def suggestions(catalog: Catalog) -> Response:
    """Texts to search for that begin with what was typed."""
    asked = read_parameters(SuggestionsQuery, query_parameters())
    with connection() as borrowed:
        values = context().values.get(borrowed, catalog)
        return send(suggest(borrowed, values, asked))


@blueprint.get("/duplicates")
@operation(
    Operation(
        "list_duplicates",
        "Near-identical products",
        TAG,
        always(Duplicates),
        parameters=[always(DuplicatesQuery)],
    )
)
def duplicates() -> Response:
    """Pairs of listed products whose photos are the same, or nearly the same."""
    asked = read_parameters(DuplicatesQuery, query_parameters())
    with connection() as borrowed:
        page = list_duplicates(borrowed, asked.limit, asked.cursor, asked.min_similarity)
    return send(page)


def _read_json(catalog: Catalog, model: type[Request]) -> Request:
    """Return the body of the request, which is JSON.

    Raises:
        QueryError: it isn't.
        ParameterError: a part of it is invalid or unknown.
    """
    request.max_content_length = MAX_JSON_BYTES
    return _parse(catalog, model, request.get_data(), "body")


def _parse(catalog: Catalog, model: type[Request], text: str | bytes, parameter: str) -> Request:
    try:
        content = from_json(text)
    except ValueError as error:
        raise QueryError(parameter, f"expected JSON: {error}") from None
    if not isinstance(content, dict):
        field = "items" if issubclass(model, BatchRequest) else "positive"
        raise QueryError(
            parameter, f'expected a JSON object, such as {{"{field}": ["TS-100-RED"]}}'
        )
    stray = sorted(set(content) & set(filter_names(catalog)))
    if stray:
        raise QueryError(stray[0], 'it belongs below "filters"')
    return read_parameters(model, content, catalog)
