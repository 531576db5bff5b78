import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.errors import LookalikeError
from worker.sample_catalog import catalog, draw_catalog
from worker.sample_catalog.colours import PALETTE

COLUMNS = [
    "id",
    "gender",
    "masterCategory",
    "subCategory",
    "articleType",
    "baseColour",
    "season",
    "year",
    "usage",
    "productDisplayName",
]
REFERENCE = np.array(list(PALETTE.values())) * 255


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "catalog"
    draw_catalog(folder)
    return folder


def read_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "styles.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def photos(folder: Path) -> Iterator[tuple[dict[str, str], Image.Image]]:
    for row in read_rows(folder):
        path = folder / "images" / f"{row['id']}.jpg"
        if path.exists():
            with Image.open(path) as photo:
                yield row, photo


def product_pixels(photo: Image.Image) -> NDArray[np.float64]:
    """Return the pixels that are darker than the background and the faint shadow on it."""
    pixels: NDArray[np.float64] = np.asarray(photo, float).reshape(-1, 3)
    dark: NDArray[np.bool_] = np.min(pixels, axis=1) < 225
    return np.compress(dark, pixels, axis=0)


def read_bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_files_agree_with_the_table(shop: Path) -> None:
    rows = read_rows(shop)
    ids = {row["id"] for row in rows}
    pictures = {path.stem for path in (shop / "images").iterdir()}
    documents = {path.stem for path in (shop / "styles").iterdir()}
    assert list(rows[0]) == COLUMNS
    assert len(rows) == len(ids) == 200
    assert pictures < ids
    assert len(ids - pictures) == 2
    assert documents < ids
    assert len(documents) == 100
    assert {path.name for path in shop.iterdir()} == {"styles.csv", "images", "styles"}
    assert [row["usage"] for row in rows].count("NA") == 1


def test_rows_read_like_a_shop(shop: Path) -> None:
    rows = read_rows(shop)
    places: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        places.setdefault(row["articleType"], set()).add(
            (row["masterCategory"], row["subCategory"])
        )
        assert f" {row['gender']} " in row["productDisplayName"]
        assert f" {row['baseColour']} " in row["productDisplayName"]
        assert "" not in row.values()
    assert all(len(categories) == 1 for categories in places.values())
    assert places["Tshirts"] == {("Apparel", "Topwear")}
    assert len(places) >= 10
    assert len({row["productDisplayName"] for row in rows}) == len(rows)
    assert rows[0]["productDisplayName"] == "Northpeak Men Striped Navy Blue Tshirt"


def test_photos_are_whole_products_on_white(shop: Path) -> None:
    for row, photo in photos(shop):
        pixels = np.asarray(photo)
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        covered = len(product_pixels(photo)) / (224 * 224)
        assert (photo.format, photo.mode, photo.size) == ("JPEG", "RGB", (224, 224)), row
        assert border.min() >= 225, row
        assert 0.05 < covered < 0.7, row


def test_colours_are_as_labelled(shop: Path) -> None:
    ranks = {}
    for row, photo in photos(shop):
        if row["baseColour"] != "White":
            middle = np.median(product_pixels(photo), axis=0)
            own = np.linalg.norm(np.array(PALETTE[row["baseColour"]]) * 255 - middle)
            ranks[row["id"]] = int((np.linalg.norm(REFERENCE - middle, axis=1) < own).sum())
    # Of 13 colours the labelled one is the nearest, or nearly so where a pattern is pale.
    assert {name: rank for name, rank in ranks.items() if rank > 3} == {}
    assert np.mean([rank == 0 for rank in ranks.values()]) > 0.75


def test_metadata_says_what_the_row_says(shop: Path) -> None:
    rows = {row["id"]: row for row in read_rows(shop)}
    for path in (shop / "styles").iterdir():
        data = json.loads(path.read_text(encoding="utf-8"))["data"]
        row = rows[path.stem]
        assert str(data["id"]) == row["id"]
        assert data["productDisplayName"] == row["productDisplayName"]
        assert data["productDisplayName"].startswith(data["brandName"] + " ")
        for level in ("masterCategory", "subCategory", "articleType"):
            assert data[level]["typeName"] == row[level]
        assert 0 < data["discountedPrice"] <= data["price"]
        photo = data["styleImages"].get("default")
        assert (shop / f"images/{row['id']}.jpg").exists() == (photo is not None)


def test_drawing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    draw_catalog(tmp_path / "one", count=30)
    draw_catalog(tmp_path / "two", count=30)
    assert read_bytes(tmp_path / "one") == read_bytes(tmp_path / "two")


def test_no_two_photos_are_the_same(shop: Path) -> None:
    pictures = [path.read_bytes() for path in (shop / "images").iterdir()]
    assert len(set(pictures)) == len(pictures) == 198


def test_an_interrupted_drawing_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_catalog(tmp_path / "shop", count=6, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_files_already_there_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(LookalikeError, match="remove it to draw"):
        draw_catalog(tmp_path, count=6)
    assert read_bytes(tmp_path) == {"mine.txt": b"mine"}


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    draw_catalog(tmp_path, count=6)
    assert len(read_rows(tmp_path)) == 6


def test_progress_counts_every_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    monkeypatch.setattr(catalog, "draw_product", lambda _: Image.new("RGB", (224, 224)))
    draw_catalog(tmp_path / "shop", count=7, progress=steps.append)
    assert steps == [1] * 7
