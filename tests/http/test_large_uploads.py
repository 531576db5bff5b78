"""A real gunicorn and uploads that are too large: refused before they are read, memory flat."""

import json
import re
import select
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from PIL import Image

from tests.conftest import cli_environment, free_port, wait_for
from tests.http.conftest import encoded
from tests.support.commands import LOOKALIKE

pytestmark = pytest.mark.slow

WHOLE = 200_000_000
PIECE = bytes(64 * 1024)
PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'


@pytest.fixture
def lone_server(catalog_url: str, home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Base URL and process of a gunicorn with one worker."""
    port = free_port()
    environment = cli_environment(catalog_url, home, LOOKALIKE_WEB_WORKERS="1")
    process = subprocess.Popen([LOOKALIKE, "serve", "--port", str(port)], env=environment)
    try:
        yield wait_for(f"http://127.0.0.1:{port}"), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def post(base: str, headers: list[str], pieces: Iterator[bytes]) -> tuple[int, dict[str, Any], int]:
    """Send until the server answers: its status, its body, and how many bytes had been sent."""
    where = urlsplit(base)
    lines = ["POST /api/v1/similar HTTP/1.1", f"Host: {where.netloc}", "Connection: close"]
    kind = "Content-Type: multipart/form-data; boundary=x"
    head = "\r\n".join([*lines, kind, *headers, "", ""]).encode()
    assert where.hostname is not None
    with socket.create_connection((where.hostname, where.port or 80), timeout=60) as connection:
        connection.sendall(head)
        sent, waiting = 0, b""
        connection.setblocking(False)
        while True:
            readable, writable, _ = select.select([connection], [connection], [], 60)
            assert readable or writable, "the server neither reads nor answers"
            if readable:
                break
            waiting = waiting or next(pieces, b"")
            if not waiting:
                select.select([connection], [], [], 60)
                break
            count = connection.send(waiting)
            sent, waiting = sent + count, waiting[count:]
        connection.setblocking(True)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.rstrip().endswith(b"}"):
            received = connection.recv(65536)
            assert received, answer
            answer += received
    status = re.match(rb"HTTP/1.1 (\d+)", answer)
    assert status is not None
    body = answer.partition(b"\r\n\r\n")[2]
    return int(status[1]), json.loads(body), sent


def plain(photo: bytes) -> Iterator[bytes]:
    yield PART + photo + b"\r\n--x--\r\n"


def endless() -> Iterator[bytes]:
    yield PART
    for _ in range(WHOLE // len(PIECE)):
        yield PIECE


def chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def peak_memory(server: psutil.Process) -> int:
    """The most bytes that the server's worker ever held."""
    (worker,) = server.children()
    status = Path(f"/proc/{worker.pid}/status")
    if not status.exists():
        pytest.skip("this system doesn't tell a process's peak of memory")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert found is not None
    return int(found[1]) * 1024


def test_uploads_too_large_are_refused_unread_and_memory_stays_flat(
    lone_server: tuple[str, psutil.Process], sample_catalog: Path
) -> None:
    base, server = lone_server
    photo = next((sample_catalog / "images").glob("*.jpg")).read_bytes()
    form = next(plain(photo))
    by_length = [f"Content-Length: {len(form)}"]
    by_chunks = ["Transfer-Encoding: chunked"]
    status, answer, _ = post(base, by_length, plain(photo))  # loads the network
    assert (status, answer["returned"]) == (200, 5)
    status, again, _ = post(base, by_chunks, chunked(plain(photo)))
    assert (status, again["results"]) == (200, answer["results"])
    before = peak_memory(server)
    for headers, pieces in (
        ([f"Content-Length: {WHOLE}"], endless()),
        (by_chunks, chunked(endless())),
    ):
        status, problem, sent = post(base, headers, pieces)
        assert (status, problem["status"]) == (413, 413)
        assert "20 MB" in problem["detail"]
        assert sent < WHOLE / 4
    for image in (Image.new("1", (8000, 8000)), Image.new("L", (9000, 9000))):
        bomb = encoded(image)
        headers = [f"Content-Length: {len(next(plain(bomb)))}"]
        status, problem, _ = post(base, headers, plain(bomb))
        assert (status, problem["parameters"]) == (422, ["image"])
        assert "pixels" in problem["detail"]
    assert peak_memory(server) - before < 60_000_000
