"""Where the photos of the items lie."""

import os
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from app.database import Catalog, Item
from app.errors import LookalikeError, PhotosAwayError
from app.settings import Settings


def item_on_sale(session: Session, item_id: int) -> Item | None:
    """Return a product on sale with its `image_path` alone, None where there is none of that id."""
    return session.scalar(
        select(Item)
        .options(load_only(Item.image_path))
        .where(Item.item_id == item_id, Item.removed_at.is_(None))
    )


def photo_root(session: Session, settings: Settings) -> Path:
    """Return the folder that `items.image_path` is below: `LOOKALIKE_IMAGES`, else the catalog's.

    Raises:
        LookalikeError: nothing was ingested.
        PhotosAwayError: the folder isn't there.
    """
    root = settings.images
    if root is None:
        known = session.scalar(select(Catalog.root))
        if known is None:
            raise LookalikeError("no catalog has been ingested yet: run `lookalike ingest DIR`")
        root = Path(known)
    if not os.path.isdir(root):  # noqa: PTH112 - Path.is_dir raises on a share that broke
        raise PhotosAwayError(
            f"the folder of the photos, {root}, isn't there: mount it, or name it in "
            "LOOKALIKE_IMAGES"
        )
    return root
