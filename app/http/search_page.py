"""The page that searches by a photo.

It is a form that works by itself. The script `static/search.js` sends the same form, and puts the
answer's message and results into the page.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

from flask import Blueprint, Response, make_response, render_template, request
from pydantic import Field, create_model
from werkzeug.exceptions import RequestEntityTooLarge

from app.catalog.attributes import Catalog
from app.catalog.filters import filter_names
from app.errors import LookalikeError
from app.http.answers import unwrap_single
from app.http.context import connection, context, photo_search, with_catalog
from app.http.pages import (
    MOST_SIMILAR,
    Given,
    given_parameters,
    grid_arguments,
)
from app.http.problems import status_of
from app.http.searches import PhotoOptions
from app.items.facets import catalog_state, count_facets
from app.items.parameters import read_with_filters
from app.photos.by_address import fetch_photo
from app.photos.errors import PhotoError
from app.photos.references import MAX_URL_LENGTH
from app.search.answers import SimilarItems
from app.search.by_photo import Photo, Wish, similar_to_photo
from app.search.by_words import Words
from app.search.errors import QueryError
from app.search.options import SearchOptions, capped

blueprint = Blueprint("search_page", __name__)

RESULTS = 24


class SearchPageOptions(PhotoOptions):
    """What the page's form has beside the photo's file and the filters."""

    address: Annotated[str, Field(max_length=MAX_URL_LENGTH)] | None = None
    """Where a photo is, instead of a file."""
    text: Words | None = None
    """Words to add to the photo's look."""


@lru_cache(maxsize=8)
def _options_model(catalog: Catalog) -> type[SearchPageOptions]:
    top_n = (int, Field(default=RESULTS, ge=1, le=MOST_SIMILAR))
    return create_model(
        "SearchPageForm", __base__=SearchPageOptions, top_n=top_n, **capped(catalog)
    )


@blueprint.get("/search")
@with_catalog
def form(catalog: Catalog) -> Response:
    """Show the form, with the filters of the URL chosen."""
    model = _options_model(catalog)
    given = given_parameters(catalog, model, request.args)
    _, filters = read_with_filters(catalog, model, unwrap_single(given.items()))
    return _page(catalog, given, filters)


@blueprint.post("/search")
@with_catalog
def results(catalog: Catalog) -> Response:
    """Show the products that look most like the form's photo, or what is wrong with it."""
    model, given = _options_model(catalog), Given()
    filters: dict[str, Any] = {}
    try:
        given = given_parameters(catalog, model, request.form)
        files = [file for file in request.files.getlist("image") if file.filename]
        photos = len(files) + len(given.get("address", []))
        if photos != 1:
            failure = "choose one photo, not several" if photos else "choose a photo first"
            return _page(catalog, given, filters, failure=failure, status=422)
        how, filters = read_with_filters(catalog, model, unwrap_single(given.items()))
        data = files[0].read() if files else _fetch(how.address or "")
        photo = Photo("image", data, how.box)
        wish = None if how.text is None else Wish(how.text, 1.0)
        options = SearchOptions(catalog, how, filters)
        like = similar_to_photo(photo_search(), photo, options, wish)
    except RequestEntityTooLarge:
        most = context().settings.max_upload_mb
        failure = f"this photo is larger than the {most} MB that this server takes"
        return _page(catalog, given, filters, failure=failure, status=413)
    except LookalikeError as error:
        failure = str(error)
        if isinstance(error, QueryError) and error.parameter == "image":
            failure = f"this photo can't be used: {error.reason}"
        return _page(catalog, given, filters, failure=failure, status=status_of(error))
    return _page(catalog, given, filters, like)


def _fetch(address: str) -> bytes:
    """Return the photo at an address.

    Raises:
        QueryError: the photo can't be fetched.
    """
    settings = context().settings
    try:
        return fetch_photo(
            address.strip(),
            allow_private=settings.allow_private_addresses,
            max_bytes=settings.max_upload_mb * 1_000_000,
        )
    except PhotoError as error:
        raise QueryError("image", str(error)) from None


def _page(
    catalog: Catalog,
    given: Given,
    filters: Mapping[str, Any],
    like: SimilarItems | None = None,
    failure: str | None = None,
    status: int = 200,
) -> Response:
    with connection() as borrowed:
        facets = count_facets(borrowed, catalog, filters)
        state = catalog_state(borrowed)
    return make_response(
        render_template(
            "search.html",
            **grid_arguments(catalog, given, facets, state),
            filters={name: given[name] for name in filter_names(catalog) if name in given},
            like=like,
            failure=failure,
            most_megabytes=context().settings.max_upload_mb,
        ),
        status,
    )
