"""The photos of products: what is stored of each, and which have to be read."""

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
    """What is stored of a photo: a row of `photos` without its product."""

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
    """What is stored of this reference, wherever it stands in the product's list."""


Outcome = Photo | Failure
StoredPhotos = dict[str, list[Photo]]
"""By sku."""


class PhotoLookup:
    """Looks up the photos of products, many at a time, and reads only what may have changed.

    Args:
        storage: where the photos are.
        executor: the threads that ask the storage.
        rehash: read every photo, whatever is stored of it.
        moved: whether relative references are below another root than at the last ingest.
        absence_is_news: whether a photo that is missing has left its product; otherwise the source
            says that there is one, and what is stored of it stays.
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
        """Yield each photo that the products have, with the sku, and count them in the report.

        Raises:
            PhotoStorageUnavailable: the storage isn't there; that says nothing of its photos.
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
            # What is kept or moved takes the place that the source gives it.
            yield owner.sku, photo._replace(position=request.position)

    def _require(self, requests: Iterable[Request]) -> None:
        """Make sure, before the first photo below the root is looked up, that the root is there."""
        if not self._required and any(not is_url(request.reference) for request in requests):
            self._storage.require()
            self._required = True

    def _outcomes(self, requests: Sequence[Request]) -> Sequence[Outcome]:
        """Look all of them up: the threads take the next one each until none is left."""
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
            waiting.clear()  # after a failure, or Ctrl-C, the others stop as well
        return [outcome for outcome in outcomes if outcome is not None]

    def _outcome(self, request: Request) -> Outcome:
        stored = request.stored
        try:
            found = self._storage.look_up(request.reference, self._validator(request))
        except PhotoError as error:
            return Failure(str(error), isinstance(error, MissingPhotoError))
        if isinstance(found, Unchanged):
            assert stored is not None  # noqa: S101 - else no validator was given
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
        """Return what a product keeps in place of a photo that can't be read; name the photo."""
        if failure.missing and self._absence_is_news:
            return None
        report.unavailable_photos += 1
        line = request.product.line
        on_problem(Problem("photo", line, failure.reason, request.reference))
        if request.stored is not None:
            return request.stored
        # The product's new photo can't be read yet: until then it keeps the one that was there.
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
