"""Photos on web servers: below a root URL, or at URLs in the catalog."""

from urllib.parse import quote

from yarl import URL

from app.errors import LookalikeError
from app.photos.addresses import parse_url
from app.photos.errors import PhotoError, PhotoStorageUnavailable, UnavailablePhotoError
from app.photos.http_client import HttpClient
from app.photos.photo_file import UNCHANGED, PhotoFile, Unchanged, describe
from app.photos.references import MAX_URL_LENGTH, check_path, redacted, too_long


class WebPhotos:
    """Photos whose references are http(s) addresses of their own. See `PhotoStorage`.

    The URLs come from the catalog, so none is trusted. If a server fails, only its own photos
    can't be read, and the work goes on.

    Args:
        client: fetches them.
    """

    readers = 32
    """A read is mostly waiting."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def read(self, reference: str) -> bytes:
        """Return the bytes of a photo."""
        fetched = self._client.fetch(parse_url(reference))
        assert fetched is not None  # noqa: S101 - without a validator nothing is unchanged
        return fetched.data

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        """Hash a photo, unless its server reports it as unchanged."""
        fetched = self._client.fetch(parse_url(reference), validator)
        return UNCHANGED if fetched is None else describe(fetched.data, fetched.validator)


class WebRoot:
    """An http(s) URL that photos' paths are below. See `PhotoStorage`.

    The operator chose it, so its host may be in a private network. A redirect to another host is
    treated like a URL in a catalog.

    Args:
        url: the root.
        client: fetches the photos.

    Raises:
        LookalikeError: no path can be appended to the URL.
    """

    readers = WebPhotos.readers
    listable = False

    def __init__(self, url: str, client: HttpClient) -> None:
        self.shown = redacted(url)
        if "?" in url or "#" in url:
            raise LookalikeError(
                f"photos can't be read from {self.shown}: the URL has a ? or #, and no path of a "
                "photo can go behind it"
            )
        try:
            parsed = parse_url(url)
        except PhotoError:
            raise LookalikeError(
                f"photos can't be read from {self.shown}: it is not an http or https URL with "
                "a host"
            ) from None
        self._base = str(parsed).rstrip("/")
        self._origin = parsed.origin()
        self._client = client

    def require(self) -> None:
        """Check that the server answers. It need not have a page at the root."""
        try:
            self._client.require(URL(f"{self._base}/", encoded=True), self._origin)
        except PhotoError as error:
            raise PhotoStorageUnavailable(
                f"the photos at {self.shown} can't be reached ({error}): try again once they can, "
                "or correct LOOKALIKE_IMAGES"
            ) from None

    def require_photos(self) -> None:
        """Do nothing: a web server has no listing."""

    def require_seen(self, reference: str) -> None:
        """Check that a photo that was read before still exists."""
        self._client.require(self._url(reference), self._origin, found=True)

    def read(self, reference: str) -> bytes:
        """Return the bytes of a photo."""
        fetched = self._client.fetch(self._url(reference), None, self._origin)
        assert fetched is not None  # noqa: S101 - without a validator nothing is unchanged
        return fetched.data

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        """Hash a photo, unless the server reports it as unchanged."""
        fetched = self._client.fetch(self._url(reference), validator, self._origin)
        return UNCHANGED if fetched is None else describe(fetched.data, fetched.validator)

    def _url(self, reference: str) -> URL:
        """Return the URL of a photo, whose path is taken literally and percent-encoded."""
        url = f"{self._base}/{quote(check_path(reference))}"
        if len(url) > MAX_URL_LENGTH:
            raise UnavailablePhotoError(too_long(len(url)))
        return URL(url, encoded=True)
