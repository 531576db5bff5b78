"""The page that searches by a photo.

It is a form that works by itself. The script `static/search.js` sends the same form, and puts the
answer's message and results into the page.
"""

from functools import lru_cache

from flask import Blueprint, Response, make_response, render_template, request
from pydantic import Field, create_model
from werkzeug.exceptions import RequestEntityTooLarge

from app.catalog.attributes import Catalog
from app.errors import LookalikeError
from app.http.answers import unwrap_single
from app.http.context import connection, context, photo_search, with_catalog
from app.http.filter_form import filter_form
from app.http.pages import (
    MOST_SIMILAR,
    Given,
    chosen_filters,
    given_parameters,
)
from app.http.problems import status_of
from app.http.searches import PhotoOptions, photo_options
from app.items.facets import catalog_state, count_facets
from app.items.parameters import read_with_filters
from app.search.answers import SimilarItems
from app.search.by_photo import Photo, similar_to_photo
from app.search.errors import QueryError
from app.search.options import SearchOptions

blueprint = Blueprint("search_page", __name__)

RESULTS = 24


@lru_cache(maxsize=8)
def _options_model(catalog: Catalog) -> type[PhotoOptions]:
    top_n = (int, Field(default=RESULTS, ge=1, le=MOST_SIMILAR))
    return create_model("SearchPageOptions", __base__=photo_options(catalog), top_n=top_n)


@blueprint.get("/search")
@with_catalog
def form(catalog: Catalog) -> Response:
    """Show the form, with the filters of the URL chosen."""
    model = _options_model(catalog)
    given = given_parameters(catalog, model, request.args)
    read_with_filters(catalog, model, unwrap_single(given.items()))
    return _page(catalog, given)


@blueprint.post("/search")
@with_catalog
def results(catalog: Catalog) -> Response:
    """Show the products that look most like the form's photo, or what is wrong with it."""
    model, given = _options_model(catalog), Given()
    try:
        given = given_parameters(catalog, model, request.form)
        files = [file for file in request.files.getlist("image") if file.filename]
        if len(files) != 1:
            failure = "choose one photo, not several" if files else "choose a photo first"
            return _page(catalog, given, failure=failure, status=422)
        how, filters = read_with_filters(catalog, model, unwrap_single(given.items()))
        photo = Photo("image", files[0].read(), how.box)
        like = similar_to_photo(photo_search(), photo, SearchOptions(catalog, how, filters))
    except RequestEntityTooLarge:
        most = context().settings.max_upload_mb
        failure = f"this photo is larger than the {most} MB that this server takes"
        return _page(catalog, given, failure=failure, status=413)
    except LookalikeError as error:
        failure = str(error)
        if isinstance(error, QueryError) and error.parameter == "image":
            failure = f"this photo can't be used: {error.reason}"
        return _page(catalog, given, failure=failure, status=status_of(error))
    return _page(catalog, given, like)


def _page(
    catalog: Catalog,
    given: Given,
    like: SimilarItems | None = None,
    failure: str | None = None,
    status: int = 200,
) -> Response:
    with connection() as borrowed:
        facets = count_facets(borrowed, catalog, {})
        state = catalog_state(borrowed)
    return make_response(
        render_template(
            "search.html",
            catalog=catalog,
            given=given,
            chosen=chosen_filters(catalog, given),
            form=filter_form(catalog, facets, given),
            state=state,
            like=like,
            failure=failure,
            most_megabytes=context().settings.max_upload_mb,
        ),
        status,
    )
