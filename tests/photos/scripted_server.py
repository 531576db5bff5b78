"""A web server on this machine whose every answer a test writes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """To wait before it."""
    reason: str | None = None
    """The words beside the status."""
    promised: int | None = None
    """The Content-Length to send, if not that of the body."""


@dataclass
class Request:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    at: float


class ScriptedServer:
    """Answers each path by its script; the last reply of a script is given for ever."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[Reply] | Callable[[Request], Reply]] = {}
        self.requests: list[Request] = []
        self.at_once = 0
        """The most requests that were under way at the same time."""
        self._under_way = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [request.path for request in self.requests]

    def reply_to(self, request: Request) -> Reply:
        """The answer to a request."""
        with self._lock:
            self.requests.append(request)
            script = self.scripts.get(request.path, [Reply(404)])
            if callable(script):
                return script(request)
            return script.pop(0) if len(script) > 1 else script[0]

    @contextmanager
    def running(self) -> Iterator["ScriptedServer"]:
        """Serve for the length of the block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request as under way."""
        with self._lock:
            self._under_way += 1
            self.at_once = max(self.at_once, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with owner.counted():
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    reply = owner.reply_to(Request(self.path, headers, time.monotonic()))
                    time.sleep(reply.seconds)
                    self._send(reply)

            def _send(self, reply: Reply) -> None:
                try:
                    self.send_response(reply.status, reply.reason)
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    length = len(reply.body) if reply.promised is None else reply.promised
                    if reply.status != 304:
                        self.send_header("Content-Length", str(length))
                    self.end_headers()
                    self.wfile.write(reply.body)
                except OSError:
                    self.close_connection = True
                if reply.promised is not None:
                    self.close_connection = True

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                """Say nothing."""

        return Handler
