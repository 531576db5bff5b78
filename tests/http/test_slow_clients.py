"""A real gunicorn, and clients that send slowly or no proper HTTP: answered, never by a 500."""

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import clone, web_server

pytestmark = pytest.mark.slow

POST = b"POST /api/v1/recommendations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = POST + JSON + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def address(server: str, bare_template: str, home: Path) -> Iterator[tuple[str, int]]:
    """Host and port of a gunicorn over an empty catalog, with one process of two threads."""
    few = {"LOOKALIKE_WEB_WORKERS": "1", "LOOKALIKE_WEB_THREADS": "2"}
    with clone(server, bare_template) as url, web_server(url, home, path="/healthz", **few) as base:
        host, _, port = base.removeprefix("http://").partition(":")
        yield host, int(port)


def answer_to(address: tuple[str, int], request: bytes) -> tuple[int, str, dict[str, Any]]:
    """Send bytes; return the status, the Content-Type and the JSON of the answer."""
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers["content-type"], json.loads(body)


MISTAKES: dict[str, tuple[bytes, int]] = {
    "no HTTP": (b"GARBAGE\r\n\r\n", 400),
    "a broken header": (b"GET / HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n", 400),
    "a chunk without a size": (CHUNKED + b"ZZ\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk longer than it says": (CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n", 400),
    "a long address": (b"GET /?q=%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 5_000), 414),
    "an endless address": (b"GET /" + b"a" * 100_000, 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"a" * 9_000), 431),
    "endless headers": (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 20_000, 431),
    "an expectation": (POST + JSON + b"Expect: tea\r\nContent-Length: 2\r\n\r\n{}", 417),
    "a path prefix": (POST + JSON + b"SCRIPT_NAME: /x\r\nContent-Length: 2\r\n\r\n{}", 422),
    "another's name": (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_http_is_a_problem(address: tuple[str, int], mistake: str) -> None:
    request, expected = MISTAKES[mistake]
    status, content_type, body = answer_to(address, request)
    assert (status, content_type) == (expected, "application/problem+json")
    assert body["status"] == expected
    assert len(json.dumps(body)) < 1000


def test_slow_clients_keep_nobody_waiting_and_are_dropped(address: tuple[str, int]) -> None:
    half_sent = [
        *[POST + JSON + b'Content-Length: 100\r\n\r\n{"pos'] * 40,
        *[CHUNKED + b"5\r\n{"] * 20,
        *[b"GET /healthz HT"] * 20,
        *[b""] * 20,
    ]
    connections = [socket.create_connection(address, timeout=60) for _ in half_sent]
    try:
        for connection, part in zip(connections, half_sent, strict=True):
            connection.sendall(part)
        for path in ("/healthz", "/api/v1/items", "/docs/"):
            url = f"http://{address[0]}:{address[1]}{path}"
            # None of the slow ones is done before their time is up.
            with urllib.request.urlopen(url, timeout=4) as response:
                assert response.status == 200
        for connection, part in zip(connections, half_sent, strict=True):
            received = connection.recv(4096)
            assert received.startswith(b"HTTP/1.1 408 " if part else b"")
    finally:
        for connection in connections:
            connection.close()
