"""Photos on a web server. The one place that needs aiohttp, which fsspec's HTTP is built on."""

from typing import Any

import aiohttp
from fsspec.asyn import sync

from app.photos.remote import Remote

CHUNK = 1 << 20

# A server that accepts and never answers must not hold a worker up for ever.
TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=10, sock_read=30)


class Web(Remote):
    """A URL of HTTP that the photos' paths are below: no folders, and nothing to list."""

    def require(self) -> None:
        """Make sure that the server answers: it need not have a page at the root."""
        try:
            self._ask(lambda: sync(self.files.loop, _answers, self.files, f"{self.base}/"))
        except (FileNotFoundError, PermissionError):
            return

    def names(self, folder: str) -> set[str] | None:
        """Return None. A page of links is no listing: it may be cut off, or be somebody's shop."""
        return None

    def _fetch(self, file: str, limit: int) -> bytes:
        # fsspec's own way asks for a range, which a server may ignore and send all of the file.
        data: bytes = sync(self.files.loop, _download, self.files, file, limit)
        return data


async def _answers(files: Any, url: str) -> None:
    """Ask for a page without reading it; any answer is a sign of life but one of 500 and above."""
    async with (await files.set_session()).get(files.encode_url(url), **_options(files)) as answer:
        if answer.status >= 500:
            answer.raise_for_status()


async def _download(files: Any, url: str, limit: int) -> bytes:
    """Read a file up to a limit, then close the connection."""
    async with (await files.set_session()).get(files.encode_url(url), **_options(files)) as answer:
        answer.raise_for_status()
        data = bytearray()
        while len(data) < limit:
            chunk = await answer.content.read(min(CHUNK, limit - len(data)))
            if not chunk:
                break
            data += chunk
        return bytes(data)


def _options(files: Any) -> dict[str, Any]:
    return {"timeout": TIMEOUT, **files.kwargs}
