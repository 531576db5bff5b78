"""A product's photo, and those of the products most like it."""

import textwrap
from typing import TYPE_CHECKING

import psycopg

from app.catalog.attributes import load_catalog
from app.database import Database
from app.items.keys import ItemKey
from app.items.listing import get_item, get_photo
from app.photos.decode import load_picture
from app.photos.errors import PhotoError
from app.photos.storage import PhotoStorage, photo_storage
from app.search.nearest import search_connection
from app.search.options import SearchOptions
from app.search.similar import similar_items
from worker.plots.picture import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

ACROSS = 6
"""Photos in a row."""

EDGE = 300
"""Pixels that a photo is reduced to."""


def draw_neighbours(database: Database, sku: str, top_n: int) -> "Figure":
    """Draw a product and its nearest neighbours by the active model, with name and similarity.

    A photo that can't be read is left blank.

    Raises:
        LookalikeError: the product is unknown or has no vector, or no model is active.
    """
    with search_connection(database) as connection:
        catalog = load_catalog(connection)
        key = ItemKey.from_text(sku)
        answer = similar_items(connection, key, SearchOptions.read(catalog, {"top_n": top_n}))
        product = get_item(connection, catalog, key)
        storage = photo_storage(connection, database.settings)
        name = None if product is None else product.product_display_name
        shown = [(f"{sku}: {name or ''}", _photo(connection, storage, key, None))]
        for item in answer.results:
            picture = _photo(connection, storage, ItemKey.from_text(item.sku), item.photo_position)
            shown.append((f"{item.similarity:.3f}  {item.product_display_name or ''}", picture))
    columns = min(ACROSS, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(2.0 * columns, 2.6 * rows)
    figure.suptitle(f"Most like {sku}, by {answer.model}", parse_math=False)
    for place, (caption, picture) in enumerate(shown):
        axes = figure.add_subplot(rows, columns, place + 1)
        _show(axes, caption, picture, is_query=place == 0)
    return figure


def _photo(
    connection: psycopg.Connection[object],
    storage: PhotoStorage,
    key: ItemKey,
    position: int | None,
) -> "Image | None":
    stored = get_photo(connection, key, position)
    if stored is None or stored.reference is None:
        return None
    try:
        picture = load_picture(storage.read(stored.reference), EDGE)
    except PhotoError:
        return None
    picture.thumbnail((EDGE, EDGE))
    return picture


def _show(axes: "Axes", caption: str, picture: "Image | None", *, is_query: bool) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color="black" if is_query else "lightgrey", linewidth=2 if is_query else 0.8)
    if picture is None:
        axes.text(0.5, 0.5, "photo can't be read", ha="center", va="center", fontsize=7)
    else:
        axes.imshow(picture)
    lines = textwrap.wrap(caption, 26, max_lines=3, placeholder=" …")
    axes.set_title("\n".join(lines), fontsize=7, parse_math=False)
