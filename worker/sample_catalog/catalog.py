"""Writing the sample catalog's files, in the dataset's layout."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from app.errors import LookalikeError
from worker.sample_catalog.canvas import Canvas, Pose
from worker.sample_catalog.cloth import Cloth
from worker.sample_catalog.colours import dye
from worker.sample_catalog.metadata import metadata
from worker.sample_catalog.patterns import make_pattern
from worker.sample_catalog.products import Product, list_products

SEED = 20240607
HEADER = (
    "id", "gender", "masterCategory", "subCategory", "articleType",
    "baseColour", "season", "year", "usage", "productDisplayName",
)  # fmt: skip


def draw_catalog(
    folder: Path, count: int = 200, progress: Callable[[int], object] | None = None
) -> None:
    """Draw a catalog: `styles.csv`, `images/ID.jpg` and `styles/ID.json`.

    The same count gives the same bytes. The folder is created completely or not at all: the files
    are written next to it and moved into place at the end.

    Args:
        folder: the target, which is missing or empty.
        count: number of products, at least 6, since two of them have no photo.
        progress: called with 1 after each product.

    Raises:
        LookalikeError: the target is not an empty folder; it is left as it is.
    """
    if count < 6:
        raise ValueError(f"count is {count}: a sample catalog has 6 products or more")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise LookalikeError(
            f"{folder} is not an empty folder; remove it to draw the catalog again"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
        draft = Path(beside) / folder.name
        for part in (draft, draft / "images", draft / "styles"):
            part.mkdir()
        products = list_products(count)
        for product in products:
            _write_product(draft, product)
            if progress:
                progress(1)
        _write_rows(draft / "styles.csv", products)
        draft.rename(folder)


def draw_product(product: Product) -> Image.Image:
    """Return the photo of one product: RGB, 224 by 224."""
    kind, look = product.kind, product.look
    rng = np.random.default_rng([SEED, product.group, product.member])
    pose = Pose(
        size=kind.size * rng.uniform(0.93, 1.02),
        shift=(rng.uniform(-2, 2), rng.uniform(-2, 2)),
        tilt=rng.uniform(-kind.tilt, kind.tilt),
        flipped=kind.from_the_side and rng.random() < 0.3,
    )
    colours = dye(look.colour, rng.uniform(-0.012, 0.012), rng.uniform(-0.025, 0.025))
    pattern = make_pattern(look.pattern, scale=rng.uniform(0.85, 1.1), angle=kind.stripes)
    canvas = Canvas(pose, rng)
    kind.draw(canvas, Cloth(colours, pattern), rng)
    return canvas.photo()


def _write_product(draft: Path, product: Product) -> None:
    """Write the photo and, for every other product, the metadata."""
    if product.has_photo:
        photo = draw_product(product)
        photo.save(draft / "images" / f"{product.item_id}.jpg", quality=90)
    if product.item_id % 2:
        rng = np.random.default_rng([SEED, product.item_id])
        text = json.dumps(metadata(product, rng), indent=1)
        (draft / "styles" / f"{product.item_id}.json").write_text(text, encoding="utf-8")


def _write_rows(path: Path, products: list[Product]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(HEADER)
        rows.writerows(_row(product) for product in products)


def _row(product: Product) -> tuple[object, ...]:
    kind, look = product.kind, product.look
    return (
        product.item_id, look.gender, *kind.categories, kind.article_type,
        look.colour, product.season, product.year, product.usage, product.name,
    )  # fmt: skip
