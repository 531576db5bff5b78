"""Gunicorn's worker process: clients that are slow, or that send no proper HTTP."""

import errno
import io
import re
import selectors
import signal
import socket
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from gunicorn import util
from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import TConn, ThreadWorker

from app.errors import in_one_line
from app.http.problems import TYPE, Problem
from app.logs import log_event

STOP_WORKER = signal.SIGUSR2
"""With what the master tells its workers to stop: only it may, since a service manager (systemd, or
a shell at its end) sends SIGTERM to all processes at once, and workers would go before clients."""

HEAD_SECONDS = 10.0
"""How long the head of a request may take; the connection needs no thread meanwhile."""

STOPPING_SECONDS = 2.0
"""The same once the server stops."""

MAX_HEAD = 64 * 1024
"""Size in bytes above which the head of a request is refused."""

BODY_SECONDS = 10.0
"""How long a body may take, besides the time that it takes at `BODY_RATE`."""

BODY_RATE = 50_000
"""Bytes a second that a body has to come at."""

SILENCE_SECONDS = 5.0
"""How long a client may pause in the middle of a body."""

SEND_SECONDS = 30.0
"""How long a client may leave a piece of a response unread."""

UPLOADS = 64
"""Threads of each process that only receive bodies, so that slow ones keep no request waiting."""

IN_MEMORY = 1 << 20
"""Size in bytes above which a body is kept in a temporary file."""

CHECKS = re.compile(rb"(?:GET|HEAD) /(?:healthz|readyz|metrics)[ ?]")
"""The head of a request that has threads of its own, so that it is answered under any load."""

HAS_BODY = re.compile(rb"\n(?:content-length|transfer-encoding):", re.IGNORECASE)

REFUSALS: dict[type[Exception], int] = {
    LimitRequestLine: 414,
    ExpectationFailed: 417,
    LimitRequestHeaders: 431,
    UnsupportedTransferCoding: 501,
}
"""Statuses of requests that aren't HTTP as we take it; those of any others are 400."""


class SlowRequestError(ParseException):  # type: ignore[misc]
    """The client took too long to send its request."""

    def __str__(self) -> str:
        return "the request took too long to arrive"


REFUSALS[SlowRequestError] = 408


class ImpatientSocket:
    """What gunicorn reads a body from: it ends with an error when the client is too slow.

    The time allowed grows with what arrives, as with Apache's `RequestReadTimeout … MinRate`.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.until = 0.0

    def recv(self, size: int) -> bytes:
        """Receive at most so many bytes.

        Raises:
            SlowRequestError: the client takes too long.
        """
        left = self.until - time.monotonic()
        if left <= 0:
            raise SlowRequestError
        self._connection.settimeout(min(left, SILENCE_SECONDS))
        try:
            data = self._connection.recv(size)
        except TimeoutError:
            raise SlowRequestError from None
        self.until += len(data) / BODY_RATE
        return data


class Connection(TConn):  # type: ignore[misc]
    """A client's connection, which gets a thread once the head of a request is there."""

    def __init__(self, worker: "BoundedWorker", accepted: socket.socket, client: Any) -> None:
        super().__init__(worker.cfg, accepted, client, accepted.getsockname())
        self.closing = worker.closing
        self.head = bytearray()
        self.since = 0.0
        """When it began to wait for a head."""

    def begin(self) -> None:
        """Begin with the next request, of which a part may have come with the one before."""
        self.sock.setblocking(False)
        self.since = time.monotonic()
        self.head = bytearray(self.parser.unreader.take_buffered() if self.parser else b"")

    def is_complete(self) -> bool:
        """Return whether the head of a request is there."""
        return b"\r\n\r\n" in self.head

    def has_body(self) -> bool:
        """Return whether a body comes after the head; True too if it is empty."""
        return HAS_BODY.search(self.head) is not None

    def pass_on(self) -> None:
        """Give gunicorn's parser what has been received."""
        self.init()
        if not isinstance(self.parser.unreader.sock, ImpatientSocket):
            self.parser.unreader.sock = ImpatientSocket(self.sock)
        self.parser.unreader.unread(bytes(self.head))

    def close(self, graceful: bool = False) -> None:
        """Close it; where that waits for the client, in a thread of its own."""
        if graceful:
            self.closing.submit(super().close, graceful=True)
        else:
            super().close()


class BoundedWorker(ThreadWorker):  # type: ignore[misc]
    """Gunicorn's worker with threads, none of which waits for a slow client.

    Heads are received by the main loop, bodies by threads that do nothing else, and a request gets
    one of the application's threads when all of it is there. When it stops, it closes no connection
    of a client.
    """

    def init_process(self) -> None:
        """Make the threads."""
        self.uploads = ThreadPoolExecutor(UPLOADS, "upload")
        self.checks = ThreadPoolExecutor(2, "check")
        self.closing = ThreadPoolExecutor(UPLOADS, "closing")
        self.waiting: dict[Connection, None] = {}
        """Connections that wait for the head of a request, the oldest first."""
        super().init_process()

    def init_signals(self) -> None:
        """Stop when the master says so, whoever else sends a SIGTERM."""
        super().init_signals()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(STOP_WORKER, self.handle_exit)
        signal.siginterrupt(STOP_WORKER, False)

    def accept(self, listener: socket.socket) -> None:
        """Accept a client, if one is there."""
        try:
            accepted, client = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        self.enqueue_req(Connection(self, accepted, client))

    def enqueue_req(self, conn: Connection) -> None:
        """Receive the head of a request, then give it a thread."""
        conn.begin()
        self.waiting[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: self._receive(conn))
        self._receive(conn)

    def _receive(self, conn: Connection) -> None:
        if not conn.is_complete():
            try:
                data = conn.sock.recv(MAX_HEAD)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._stop_waiting(conn)
                self._drop(conn)
                return
            conn.head += data
        if conn.is_complete():
            self._stop_waiting(conn)
            self._start(conn)
        elif len(conn.head) > MAX_HEAD:
            line_ends = b"\n" in conn.head
            too_long = LimitRequestHeaders if line_ends else LimitRequestLine
            self._stop_waiting(conn)
            self._drop(conn, too_long(f"over {MAX_HEAD:,} bytes"))

    def _start(self, conn: Connection) -> None:
        pool = self.uploads if conn.has_body() else self.tpool
        if CHECKS.match(conn.head):
            pool = self.checks
        conn.pass_on()
        done: Future[Any] = pool.submit(self.handle, conn)
        done.add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def _stop_waiting(self, conn: Connection) -> None:
        del self.waiting[conn]
        self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection, reason: ParseException | None = None) -> None:
        self.nr_conns -= 1
        if reason is not None:
            self.handle_error(None, conn.sock, conn.client, reason)
        conn.close(graceful=reason is not None)

    def murder_pending(self) -> None:
        """Drop the clients that take too long to send the head of a request."""
        now = time.monotonic()
        allowed = HEAD_SECONDS if self.alive else STOPPING_SECONDS
        late = [conn for conn in self.waiting if now - conn.since > allowed]
        for conn in late:
            self._stop_waiting(conn)
            self._drop(conn, SlowRequestError() if conn.head else None)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Handle a request when all of it is there.

        Raises:
            ParseException: it isn't HTTP, or takes too long to arrive.
        """
        if self.app.draining.is_set():
            # No further request on this connection.
            req.force_close()
        if not conn.has_body():
            return self._answer(req, conn)
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as body:
            if self._receive_body(req, conn, body):
                req.body = body
            else:  # it is longer than any that we take, as the application will say
                req.force_close()
            try:
                return self.tpool.submit(self._answer, req, conn).result()
            finally:
                req.body = io.BytesIO()

    def _receive_body(self, req: Any, conn: Connection, body: Any) -> bool:
        """Receive a body; return False if it is too long, without reading all of it."""
        most = self.app.settings.max_upload_mb * 1_000_000
        length = next((int(value) for name, value in req.headers if name == "CONTENT-LENGTH"), None)
        if length is not None and length > most:
            return False
        if req._expected_100_continue:
            req._expected_100_continue = False
            conn.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        conn.parser.unreader.sock.until = time.monotonic() + BODY_SECONDS
        while data := req.body.read(IN_MEMORY):
            body.write(data)
            if body.tell() > most:
                req.force_close()
                break
        if length is not None and body.tell() < length:
            raise NoMoreData
        body.seek(0)
        return True

    def _answer(self, req: Any, conn: Connection) -> Any:
        conn.sock.settimeout(SEND_SECONDS)
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            raise StopIteration("the client doesn't read its response") from None

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that isn't HTTP, or that gunicorn failed at, with a problem."""
        if isinstance(exc, ParseException):
            status = REFUSALS.get(type(exc), 400)
            detail = in_one_line(str(exc))[:200]
            log_event("refused", detail, status=status)
        else:
            status, detail = 500, "something unexpected went wrong; the server's log says what"
            self.log.exception("unexpected error")
        problem = Problem.of(status, detail)
        body = problem.model_dump_json(exclude_none=True).encode()
        head = (
            f"HTTP/1.1 {status} {problem.title}\r\nConnection: close\r\nContent-Type: {TYPE}\r\n"
            f"Content-Length: {len(body)}\r\nX-Content-Type-Options: nosniff\r\n\r\n"
        )
        try:
            util.write_nonblock(client, head.encode() + body)
        except OSError:
            log_event("refused", "the client is gone", status=status)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept the clients that wait in the backlog before the listener is closed."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                self._accept_waiting(listener)
                listener.close()

    def _accept_waiting(self, listener: Any) -> None:
        listener.setblocking(False)
        accepted = -1
        while accepted != self.nr_conns:
            accepted = self.nr_conns
            self.accept(listener)
