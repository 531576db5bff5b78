"""A web server over a folder of photos, on this machine, that can be told to fail."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import fsspec


class PhotoServer:
    """Serves a folder at `url` between `start` and `stop`, as often as one likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        """That of the first start, ever after."""
        self.statuses: dict[str, int] = {}
        """Path → the status to answer it with instead of the file."""
        self.failures = 0
        """How many requests are still to be answered with 503."""
        self.endless: set[str] = set()
        """Paths of files without end and without a length."""
        self._running: tuple[ThreadingHTTPServer, Thread] | None = None

    @property
    def url(self) -> str:
        """The root that it serves."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen."""
        handler = partial(Handler, owner=self, directory=str(self.folder))
        server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.port = server.server_port
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        self._running = server, thread

    def stop(self) -> None:
        """Refuse connections."""
        if self._running is not None:
            server, thread = self._running
            server.shutdown()
            server.server_close()
            thread.join()
            self._running = None


class Handler(SimpleHTTPRequestHandler):
    """Answers as its owner says."""

    def __init__(self, *arguments: object, owner: PhotoServer, directory: str) -> None:
        self.owner = owner
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.owner.failures:
            self.owner.failures -= 1
            self.send_error(503)
        elif self.path in self.owner.statuses:
            self.send_error(self.owner.statuses[self.path])
        elif self.path in self.owner.endless:
            self._send_without_end()
        else:
            super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""

    def _send_without_end(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(65536))
        except OSError:
            self.close_connection = True


@contextmanager
def serving(folder: Path) -> Iterator[PhotoServer]:
    """Serve a folder for the length of the block."""
    server = PhotoServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def in_memory(folder: Path, name: str) -> Iterator[str]:
    """Copy a folder into fsspec's file system in memory, and yield its URL there."""
    files = fsspec.filesystem("memory")
    for file in folder.rglob("*"):
        if file.is_file():
            files.pipe(f"/{name}/{file.relative_to(folder).as_posix()}", file.read_bytes())
    try:
        yield f"memory://{name}"
    finally:
        if files.exists(f"/{name}"):
            files.rm(f"/{name}", recursive=True)
