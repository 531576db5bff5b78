"""Looking up the photos of products, and reading only those that may have changed."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from app.photos.errors import MissingPhotoError, PhotoError
from app.photos.photo_file import Unchanged
from app.photos.references import is_url
from app.photos.storage import PhotoStorage
from worker.ingest.report import IngestReport, Problem
from worker.sources import Product


class Photo(NamedTuple):
    """A row of `photos`, without its product."""

    position: int
    reference: str
    sha256: str
    width: int | None
    height: int | None
    validator: str | None


class Failure(NamedTuple):
    """A photo that can't be read now."""

    reason: str
    missing: bool


class Request(NamedTuple):
    """A photo to look up."""

    product: Product
    position: int
    reference: str
    stored: Photo | None
    """The product's stored photo with the same reference, at any position."""


Outcome = Photo | Failure
StoredPhotos = dict[str, list[Photo]]
"""By sku."""


class PhotoLookup:
    """Looks up photos in several threads, and reads only those that may have changed.

    Args:
        storage: where the photos are.
        executor: the threads.
        rehash: read every photo, even if the stored one is unchanged.
        moved: whether the root of relative references has changed since the last ingest.
        absence_is_news: whether a missing photo has been removed from its product. Otherwise the
            source says that it exists, and the stored photo is kept.
    """

    def __init__(
        self,
        storage: PhotoStorage,
        executor: Executor,
        *,
        rehash: bool = False,
        moved: bool = False,
        absence_is_news: bool = False,
    ) -> None:
        self._storage = storage
        self._executor = executor
        self._rehash = rehash
        self._moved = moved
        self._absence_is_news = absence_is_news
        self._required = False

    def look_up(
        self,
        products: Sequence[Product],
        stored: StoredPhotos,
        report: IngestReport,
        on_problem: Callable[[Problem], None],
    ) -> Iterator[tuple[str, Photo]]:
        """Yield each photo of the products with its sku, and count the photos in the report.

        Raises:
            PhotoStorageUnavailable: the storage is unavailable.
        """
        requests = list(_requests(products, stored))
        self._require(requests)
        outcomes = self._outcomes(requests)
        owner = None
        for request, outcome in zip(requests, outcomes, strict=True):
            if isinstance(outcome, Failure):
                photo = self._kept(request, outcome, stored, report, on_problem)
            else:
                photo = outcome
                report.unchanged_photos += outcome is request.stored
            if photo is None:
                continue
            report.photos += 1
            report.with_photo += owner is not request.product
            owner = request.product
            # A photo that is kept or moved gets the position that it has in the source.
            yield owner.sku, photo._replace(position=request.position)

    def _require(self, requests: Iterable[Request]) -> None:
        """Check that the root is available, before the first photo below it is looked up."""
        if not self._required and any(not is_url(request.reference) for request in requests):
            self._storage.require()
            self._required = True

    def _outcomes(self, requests: Sequence[Request]) -> Sequence[Outcome]:
        """Look all photos up; each thread takes the next one until none is left."""
        waiting = deque(enumerate(requests))
        outcomes: list[Outcome | None] = [None] * len(requests)

        def work() -> None:
            while True:
                try:
                    at, request = waiting.popleft()
                except IndexError:
                    return
                outcomes[at] = self._outcome(request)

        readers = self._storage.readers_for(request.reference for request in requests)
        workers = [self._executor.submit(work) for _ in range(min(readers, len(requests)))]
        try:
            for worker in workers:
                worker.result()
        finally:
            waiting.clear()  # after a failure or Ctrl-C the other threads stop too
        return [outcome for outcome in outcomes if outcome is not None]

    def _outcome(self, request: Request) -> Outcome:
        stored = request.stored
        try:
            found = self._storage.look_up(request.reference, self._validator(request))
        except PhotoError as error:
            return Failure(str(error), isinstance(error, MissingPhotoError))
        if isinstance(found, Unchanged):
            assert stored is not None  # noqa: S101 - only a stored photo has a validator
            return stored
        return Photo(
            request.position,
            request.reference,
            found.sha256,
            found.width,
            found.height,
            found.validator,
        )

    def _validator(self, request: Request) -> str | None:
        if request.stored is None or self._rehash:
            return None
        if self._moved and not is_url(request.reference):
            return None
        return request.stored.validator

    def _kept(
        self,
        request: Request,
        failure: Failure,
        stored: StoredPhotos,
        report: IngestReport,
        on_problem: Callable[[Problem], None],
    ) -> Photo | None:
        """Report a photo that can't be read; return the stored photo that is kept in its place."""
        if failure.missing and self._absence_is_news:
            return None
        report.unavailable_photos += 1
        line = request.product.line
        on_problem(Problem("photo", line, failure.reason, request.reference))
        if request.stored is not None:
            return request.stored
        # The new photo can't be read yet: until then the product keeps the old one.
        for photo in stored.get(request.product.sku, ()):
            if photo.position == request.position:
                return None if photo.reference in request.product.photos else photo
        return None


def _requests(products: Iterable[Product], stored: StoredPhotos) -> Iterator[Request]:
    for product in products:
        if not product.photos:
            continue
        photos = {photo.reference: photo for photo in stored.get(product.sku, ())}
        for position, reference in enumerate(product.photos, 1):
            yield Request(product, position, reference, photos.get(reference))
