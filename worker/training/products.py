"""The products that there are to learn from: from a catalog's folder, or from the database."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from app.database import query
from app.photos import Folder, PhotoRoot
from worker.evaluation.codes import LABELS
from worker.ingest.photos import list_photos, photo_path
from worker.ingest.rows import COLUMNS, Row
from worker.ingest.styles import StylesFile
from worker.training.pixels import PhotoFile

ATTRIBUTES = [attribute for attribute in COLUMNS.values() if attribute != "item_id"]
"""What `Row.attributes` holds, in its order."""


@dataclass(frozen=True)
class Products:
    """Products with a photo, in the order of their ids."""

    item_ids: list[int]
    photos: list[PhotoFile]
    labels: dict[str, list[str | None]]
    """The words of every product, by column."""

    def only(self, chosen: NDArray[np.bool_]) -> "Products":
        """Return the products where `chosen`, of shape `(N,)`, is true."""
        rows = np.flatnonzero(chosen).tolist()
        return Products(
            [self.item_ids[row] for row in rows],
            [self.photos[row] for row in rows],
            {name: [words[row] for row in rows] for name, words in self.labels.items()},
        )


def from_catalog(folder: Path) -> Products:
    """Read `styles.csv`, and keep the products whose photo is in `images/`.

    Lines that are no product are passed over, as `lookalike ingest` rejects them.

    Raises:
        LookalikeError: there is no such file, or it is no catalog.
    """
    styles = StylesFile(folder / "styles.csv")
    rows = [row for row in styles.rows() if isinstance(row, Row)]
    root = Folder(folder)
    with_photo = list_photos(folder).among([row.item_id for row in rows])
    rows = [row for row in rows if row.item_id in with_photo]
    rows.sort(key=lambda row: row.item_id)
    return Products(
        [row.item_id for row in rows],
        [PhotoFile(root, photo_path(row.item_id)) for row in rows],
        {name: [_word(row, name) for row in rows] for name in LABELS},
    )


def from_database(connection: psycopg.Connection[Any], root: PhotoRoot) -> Products:
    """Read the ingested products that have a photo; `root` is where the photos lie."""
    rows = connection.execute(query(__package__, "products")).fetchall()
    return Products(
        [row[0] for row in rows],
        [PhotoFile(root, row[1]) for row in rows],
        {name: [row[at] for row in rows] for at, name in enumerate(LABELS, start=2)},
    )


def _word(row: Row, name: str) -> str | None:
    word = row.attributes[ATTRIBUTES.index(name)]
    return None if word is None else str(word)
