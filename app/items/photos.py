"""Where the photos of the items lie."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from app.database import Catalog, Item
from app.errors import LookalikeError
from app.photos import PhotoRoot, open_root
from app.photos.opening import WAITS
from app.settings import Settings


def item_on_sale(session: Session, item_id: int) -> Item | None:
    """Return a product on sale with its `image_path` alone, None where there is none of that id."""
    return session.scalar(
        select(Item)
        .options(load_only(Item.image_path))
        .where(Item.item_id == item_id, Item.removed_at.is_(None))
    )


def photo_root(session: Session, settings: Settings, waits: Sequence[float] = WAITS) -> PhotoRoot:
    """Return what `items.image_path` is below: `LOOKALIKE_IMAGES`, else the catalog's folder.

    Args:
        session: knows which catalog was ingested.
        settings: may name another root.
        waits: as `open_root` takes them.

    Raises:
        LookalikeError: nothing was ingested, or no such kind of root can be read here.
    """
    root = settings.images or session.scalar(select(Catalog.root))
    if root is None:
        raise LookalikeError("no catalog has been ingested yet: run `lookalike ingest DIR`")
    return open_root(root, waits)
