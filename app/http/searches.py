"""Searches over HTTP that aren't about one item: by a photo, by examples, for duplicates."""

from typing import Annotated, Any, TypeVar

from flask import abort, request
from flask_openapi3 import APIBlueprint, FileStorage, Tag
from flask_openapi3.models.schema import Schema
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json
from werkzeug.datastructures import FileStorage as Upload

from app.http.context import connection, database, encoders
from app.http.problems import PROBLEM_CONTENT, invalid
from app.items.attributes import Filters, Text
from app.search.answers import SimilarItems
from app.search.by_photo import Photo, similar_to_photo
from app.search.duplicates import Duplicates, list_duplicates
from app.search.errors import QuestionError
from app.search.options import SearchOptions
from app.search.recommend import RecommendationRequest, Recommendations, recommend

blueprint = APIBlueprint(
    "searches",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="searches", description="By a photo, by examples, for duplicates")],
    abp_responses={"422": PROBLEM_CONTENT, "503": PROBLEM_CONTENT},
)

MAX_PHOTOS = 10
"""Photos that a list of examples may hold."""

MAX_JSON_BYTES = 1_000_000

MEDIA_TYPES = {"json": "application/json", "multipart": "multipart/form-data"}
UPLOAD_PROBLEMS: dict[str | int, Any] = {"413": PROBLEM_CONTENT, "415": PROBLEM_CONTENT}


def _file(value: Any) -> Any:
    """Refuse what is no file, or a form's field in which none was chosen."""
    if not isinstance(value, Upload) or not value.filename:
        raise ValueError("expected one file, sent with its name")
    return value


def _files(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


File = Annotated[FileStorage, BeforeValidator(_file)]
Files = Annotated[list[File], BeforeValidator(_files), Field(max_length=MAX_PHOTOS)]


class PhotoForm(SearchOptions):
    """A photo, and which similar products to find."""

    image: File = Field(description="JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF")


class ExamplesForm(BaseModel):
    """Examples in photos, and all that can be asked with examples from the catalog."""

    model_config = ConfigDict(extra="forbid")

    request: str = Field(default="{}", description="a RecommendationRequest, as JSON")
    positive_image: Files = Field(default_factory=list, description="photos to be like")
    negative_image: Files = Field(default_factory=list, description="photos to be unlike")


class DuplicatesQuery(BaseModel):
    """Which near-identical pairs to list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=100, description="pairs a page, at most")
    cursor: Text | None = Field(default=None, description="next_cursor of the page before")


def _body(**forms: type[BaseModel]) -> dict[str, Any]:
    """Describe a request's body to OpenAPI: one form for each kind it may have."""
    content = {}
    for kind, form in forms.items():
        schema = form.model_json_schema(ref_template="#/components/schemas/{model}")
        parts = {**schema.pop("$defs", {}), form.__name__: schema}
        blueprint.components_schemas.update(
            {name: Schema.model_validate(part) for name, part in parts.items()}
        )
        reference = {"$ref": f"#/components/schemas/{form.__name__}"}
        content[MEDIA_TYPES[kind]] = {"schema": reference}
    return {"requestBody": {"required": True, "content": content}}


@blueprint.post(
    "/similar",
    summary="Products similar to a photo",
    responses={"200": SimilarItems, **UPLOAD_PROBLEMS},
    openapi_extensions=_body(multipart=PhotoForm),
)
def by_photo(query: SearchOptions) -> dict[str, Any]:
    """The products whose photos look most like the one sent, most similar first."""
    form = _understood(PhotoForm, {**query.model_dump(exclude_unset=True), **_multipart()})
    photo = Photo("image", form.image.read())
    return similar_to_photo(database(), encoders(), photo, form).as_json()


@blueprint.post(
    "/recommendations",
    summary="Products like some and unlike others",
    responses={"200": Recommendations, **UPLOAD_PROBLEMS},
    openapi_extensions=_body(json=RecommendationRequest, multipart=ExamplesForm),
)
def recommendations() -> dict[str, Any]:
    """The products most similar to the weighted mean of examples, away from others."""
    if request.mimetype == MEDIA_TYPES["multipart"]:
        form = _understood(ExamplesForm, _multipart())
        asked = _parsed(form.request, "request")
    else:
        form = ExamplesForm()
        request.max_content_length = MAX_JSON_BYTES
        asked = _parsed(request.get_data(), "body")
    positive = [Photo("positive_image", file.read()) for file in form.positive_image]
    negative = [Photo("negative_image", file.read()) for file in form.negative_image]
    return recommend(database(), encoders(), asked, positive, negative).as_json()


@blueprint.get("/duplicates", summary="Near-identical products", responses={"200": Duplicates})
def duplicates(query: DuplicatesQuery) -> dict[str, Any]:
    """Pairs of products on sale whose photos are the same, or all but."""
    with connection() as borrowed:
        page = list_duplicates(borrowed, query.limit, query.cursor)
    return page.model_dump(mode="json")


Form = TypeVar("Form", bound=BaseModel)


def _understood(model: type[Form], given: dict[str, Any]) -> Form:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        abort(invalid(error))


def _multipart() -> dict[str, Any]:
    """Return the fields of a multipart form: a value, or the list of those of one name."""
    if request.mimetype != MEDIA_TYPES["multipart"]:
        return {}  # unread: only in this kind of form is the number of fields limited
    fields: list[tuple[str, list[Any]]] = [*request.form.lists(), *request.files.lists()]
    return {name: values if len(values) > 1 else values[0] for name, values in fields}


def _parsed(text: str | bytes, parameter: str) -> RecommendationRequest:
    try:
        content = from_json(text)
    except ValueError as error:
        raise QuestionError(parameter, f"expected JSON: {error}") from None
    stray = sorted(set(content) & set(Filters.model_fields)) if isinstance(content, dict) else []
    if stray:
        raise QuestionError(stray[0], 'it belongs below "filters"')
    if not isinstance(content, dict):
        raise QuestionError(parameter, 'expected a JSON object, such as {"positive": [15970]}')
    return _understood(RecommendationRequest, content)
