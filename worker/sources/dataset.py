"""A folder with the layout of the public dataset: styles.csv, images/ID.jpg, styles/ID.json."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from app.catalog.profile import DATASET, Profile
from app.errors import LookalikeError
from worker.sources.delimited import DelimitedTable, LineReader, RecordReader
from worker.sources.files import SourceFile, require_utf8
from worker.sources.interfaces import BadValue, Batch
from worker.sources.json_lines import details_of, parse_object
from worker.sources.mapping import DETAILS, MappedSource, Mapper, named_columns, printable
from worker.sources.photos import parse_photos
from worker.sources.skus import MAX_ID, IdReader
from worker.sources.values import parse_price, parse_text, shorten


class Listing:
    """The products that have a file `ID` + `ending` in a folder; none if there is no folder.

    The folder is listed once instead of asked for each product. The ids take 8 bytes a product, a
    tenth of a set of names.

    Raises:
        LookalikeError: the folder exists and can't be listed.
    """

    def __init__(self, folder: Path, ending: str) -> None:
        try:
            with os.scandir(folder) as entries:
                ids = np.fromiter(_products(entries, ending), np.int64)
        except FileNotFoundError:
            ids = np.empty(0, np.int64)
        except OSError as error:
            raise LookalikeError(f"can't list {folder}: {error.strerror}") from None
        ids.sort()
        self._ids = ids

    def among(self, item_ids: Sequence[int]) -> set[int]:
        """Return those products among `item_ids` that have a file."""
        if not len(self._ids):
            return set()
        asked = np.array(item_ids, np.int64)
        at = np.searchsorted(self._ids, asked).clip(max=len(self._ids) - 1)
        return set(asked[self._ids[at] == asked].tolist())


def _products(entries: "Iterator[os.DirEntry[str]]", ending: str) -> Iterator[int]:
    for entry in entries:
        stem = entry.name.removesuffix(ending)
        # Ids are written without leading zeros: 7.jpg, not 007.jpg.
        if stem == entry.name or not (stem.isdigit() and stem.isascii()) or stem[0] == "0":
            continue
        if len(stem) <= len(str(MAX_ID)) and int(stem) <= MAX_ID and _is_file(entry):
            yield int(stem)


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        # What a link leads to may be away for now, with the share that it is on.
        return entry.is_file() or entry.is_symlink()
    except OSError:
        return True  # a file that can't be opened, such as a link to itself


class Metadata(NamedTuple):
    """The fields of a metadata file that have columns of their own, unparsed, and the rest."""

    brand: Any = None
    price: Any = None
    discounted_price: Any = None
    details: str | None = None
    """The rest as JSON text; None if it can't be used."""
    images: Any = None
    """Its `styleImages`: URLs of pictures."""
    problem: str | None = None
    """Why there are no details."""


def read_metadata(file: Path) -> Metadata:
    """Read the usable parts of a metadata file; `problem` says what is wrong with the rest."""
    try:
        data = parse_object(file.read_text(encoding="utf-8-sig")).get("data")
    except OSError as error:
        return Metadata(problem=f"can't be read: {error.strerror}")
    except UnicodeDecodeError:
        return Metadata(problem="it is not UTF-8")
    except ValueError as error:
        return Metadata(problem=str(error))
    if not isinstance(data, dict):
        return Metadata(problem="it has no object `data`")
    images = data.get("styleImages")
    found = Metadata(
        brand=data.pop("brandName", None),
        price=data.pop("price", None),
        discounted_price=data.pop("discountedPrice", None),
        images=images if isinstance(images, dict) else None,
    )
    try:
        return found._replace(details=details_of(data))
    except ValueError as error:
        return found._replace(problem=str(error))


STYLES = "styles.csv"
METADATA_FOLDER, METADATA_ENDING = "styles", ".json"
PHOTO_FOLDER, PHOTO_ENDING = "images", ".jpg"
STYLE_IMAGES = "styleImages"
"""A value for a profile's `more_photos`: the pictures that the metadata lists."""


class StylesTable(DelimitedTable):
    """`styles.csv`: one line for each product; titles may contain unquoted commas. See `Table`."""

    def __init__(self, file: SourceFile, profile: Profile) -> None:
        source = profile.source
        super().__init__(file, source.delimiter or ",", source.encoding)
        self._title = source.title
        if source.sku not in self.columns:
            raise LookalikeError(
                f"{self.name} has no column called {source.sku}; its columns are: "
                f"{shorten(', '.join(self.columns), 200)}"
            )

    def _make_reader(self, number: int) -> RecordReader:
        return LineReader(self.delimiter, self._width_names, number, self._title)


class DatasetSource(MappedSource):
    """The products of a dataset's folder. See `ProductSource`.

    Args:
        folder: the folder with `styles.csv`.
        profile: the meaning of the columns; prices, brand and details come from `styles/ID.json`.
        root: the folder or URL that contains `images`; by default `folder`. URLs can't be listed:
            every product has a photo's reference there.
        partial: any column but the sku may be missing.

    Raises:
        LookalikeError: a file is missing or unusable.
    """

    def __init__(
        self, folder: Path, profile: Profile, root: str | None = None, *, partial: bool = False
    ) -> None:
        require_utf8(str(folder))
        styles = folder / STYLES
        if not styles.is_file():
            raise LookalikeError(
                f"{styles} is missing: name the folder that holds styles.csv and images/, or a file"
            )
        self._folder = folder
        table = StylesTable(SourceFile(str(styles)), profile)
        named = named_columns(profile)
        table.require_single([column for column in named if table.has(column)])
        lenient = [*named] if partial or profile.name == DATASET else [STYLE_IMAGES]
        super().__init__(table, profile, root or str(folder.resolve()), optional=lenient)
        stays = "it stays as it is" if partial else "it stays empty"
        missing = [name for name in named if name in self.absent and name != STYLE_IMAGES]
        self.notes += [f"{table.name} has no column {name}: {stays}" for name in missing]
        self._more_photos = STYLE_IMAGES in profile.source.more_photos
        self._rows = profile.model_copy(
            update={"source": profile.source.model_copy(update={"photo": None, "more_photos": ()})}
        )

    def batches(self) -> Iterator[Batch]:
        """Read all rows, a few thousand at a time, each with its photo and metadata file."""
        mapper = Mapper(self._rows, self.root, IdReader())
        metadata = Listing(self._folder / METADATA_FOLDER, METADATA_ENDING)
        photos = self._list_photos()
        with ThreadPoolExecutor() as pool:
            for frame in self._table.frames():
                batch = mapper.map(frame)
                ids = list(map(int, batch.products.skus))
                listed = metadata.among(ids)
                found = dict(zip(listed, pool.map(self._read_metadata, listed), strict=True))
                _complete(batch, ids, found, photos(ids), self._further_photos)
                yield batch

    def _list_photos(self) -> Callable[[Sequence[int]], set[int]]:
        """Return a function that returns those of some products that have a photo."""
        if self.root is None or "://" in self.root:
            return set
        return Listing(Path(self.root) / PHOTO_FOLDER, PHOTO_ENDING).among

    def _read_metadata(self, item_id: int) -> Metadata:
        file = self._folder / METADATA_FOLDER / f"{item_id}{METADATA_ENDING}"
        return read_metadata(file)

    def _further_photos(self, metadata: Metadata) -> tuple[list[str], list[str]]:
        if not self._more_photos or not metadata.images:
            return [], []
        return parse_photos(list(metadata.images.values()), self.root)


def _complete(
    batch: Batch,
    ids: list[int],
    found: dict[int, Metadata],
    with_photo: set[int],
    further: Callable[[Metadata], tuple[list[str], list[str]]],
) -> None:
    """Add photos and metadata to the products of a batch."""
    if not found and not with_photo:
        return
    for at, item_id in enumerate(ids):
        photos = [f"{PHOTO_FOLDER}/{item_id}{PHOTO_ENDING}"] if item_id in with_photo else []
        metadata = found.get(item_id)
        if metadata is not None:
            more, problems = further(metadata)
            photos += more
            _describe(batch, at, metadata)
            for problem in problems:
                _enter(batch, at, STYLE_IMAGES, problem, "")
        if photos:
            batch.products.photos[at] = tuple(dict.fromkeys(photos))


def _describe(batch: Batch, at: int, metadata: Metadata) -> None:
    """Set the fields of a product that `styles.csv` leaves empty from its metadata file."""
    batch.products.details[at] = metadata.details
    if metadata.problem is not None:
        file = f"{METADATA_FOLDER}/{batch.products.skus[at]}{METADATA_ENDING}"
        _enter(batch, at, DETAILS, f"{file}: {metadata.problem}", "")
    _, brands, prices, discounted_prices, _ = batch.products.core
    for values, name, value, parse in (
        (brands, "brandName", metadata.brand, parse_text),
        (prices, "price", metadata.price, parse_price),
        (discounted_prices, "discountedPrice", metadata.discounted_price, parse_price),
    ):
        if values[at] is not None:
            continue
        try:
            values[at] = parse(value)
        except ValueError as error:
            _enter(batch, at, name, str(error), printable(shorten(value, 1000)))


def _enter(batch: Batch, at: int, column: str, reason: str, raw: str) -> None:
    products = batch.products
    batch.bad_values.append(BadValue(products.lines[at], products.skus[at], column, reason, raw))
