"""Where files come from: paths, standard input, compressed ones, a web server."""

import functools
import gzip
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.errors import LookalikeError
from tests.sources.reading import only, read, shop
from worker.sources import open_source

TEXT = "sku,title,price,photo\nLAMP-1,Brass lamp,12.50,img/lamp.jpg\n"


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/private") and "Authorization" not in self.headers:
            self.send_error(401)
        elif self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "private").mkdir()
    for name in ("shop.csv", "private/shop.csv"):
        (tmp_path / name).write_text(TEXT)
    server = HTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_compressed_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.csv.gz"
    file.write_bytes(gzip.compress(TEXT.encode()))
    assert only(read(file, shop())).sku == "LAMP-1"
    assert open_source(str(file), shop()).size() is None
    data = gzip.compress(b"".join(b"A-%d,Lamp,1,\n" % n for n in range(200_000)))
    file.write_bytes(gzip.compress(TEXT.encode()) + data[: len(data) // 2])
    with pytest.raises(LookalikeError, match="is damaged or cut off"):
        read(file, shop())


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(TEXT.encode())))
    source = open_source("-", shop(), root="https://cdn.example.com")
    assert (source.name, source.root, source.size()) == (
        "standard input",
        "https://cdn.example.com",
        1,
    )
    (batch,) = [each for each in source.batches() if each.read]
    assert batch.products[0].photos == ("img/lamp.jpg",)


def test_standard_input_is_a_real_pipe() -> None:
    code = "from tests.sources.reading import *\nprint(only(read('-', shop())).sku)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=TEXT, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout == "LAMP-1\n", done.stderr


def test_a_file_behind_a_url(site: str) -> None:
    source = open_source(f"http://{site}/shop.csv?version=2", shop())
    assert source.root == f"http://{site}"
    assert only(read(f"http://{site}/shop.csv", shop())).photos == ("img/lamp.jpg",)


@pytest.mark.parametrize(
    ("path", "complaint"),
    [("nothing.csv", "answers 404"), ("private/shop.csv", "answers 401"), ("away", "answers 302")],
)
def test_a_url_that_gives_no_file_is_one_line(site: str, path: str, complaint: str) -> None:
    with pytest.raises(LookalikeError, match=complaint):
        read(f"http://{site}/{path}", shop())


def test_a_password_is_used_and_not_shown(site: str) -> None:
    source = open_source(f"http://me:se%40cret@{site}/private/shop.csv", shop())
    assert source.name == f"http://{site}/private/shop.csv"
    with pytest.raises(LookalikeError) as raised:
        open_source(f"http://me:se%40cret@{site}/none", shop())
    assert "cret" not in str(raised.value)
    with pytest.raises(LookalikeError, match=r"can't read http://127\.0\.0\.1:1/x: "):
        open_source("http://me:secret@127.0.0.1:1/x?token=secret", shop())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x.csv?X-Amz-Signature=secret",
        "http://me:a?secret@127.0.0.1:1/x.csv",
        "http://me:a/secret@127.0.0.1:1/x.csv",
        "http://secret@127.0.0.1:1/x.csv",
        "http://me:secret@[::1/x.csv",
        "http://me:secret@127.0.0.1:port/x.csv",
        "http://me:secret@/x.csv",
    ],
)
def test_an_address_that_can_not_be_read_is_named_without_its_secrets(url: str) -> None:
    with pytest.raises(LookalikeError, match=r"can't read http://") as caught:
        open_source(url, shop())
    assert "secret" not in str(caught.value)


def test_a_signed_address_is_named_without_its_query(site: str) -> None:
    source = open_source(f"http://{site}/shop.csv?sig=secret", shop())
    assert source.name == f"http://{site}/shop.csv"
    assert source.root == f"http://{site}"


@pytest.mark.parametrize("source", ["none.csv", "", "a\0b", "\udcff.csv"])
def test_a_path_that_leads_nowhere_is_one_line(source: str) -> None:
    with pytest.raises(LookalikeError):
        open_source(source, shop())


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(LookalikeError, match=r"is a folder without styles\.csv: name the file"):
        open_source(str(tmp_path), shop())


def test_absolute_photos_below_the_root_are_below_it(tmp_path: Path) -> None:
    file = tmp_path / "shop.csv"
    file.write_text(TEXT.replace("img/lamp", f"{tmp_path}/img/lamp"))
    assert only(read(file, shop())).photos == ("img/lamp.jpg",)


def test_only_a_database_takes_a_query(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text(TEXT)
    with pytest.raises(LookalikeError, match="--query needs the URL of a database"):
        open_source(str(tmp_path / "shop.csv"), shop(), query="SELECT 1")
    with pytest.raises(LookalikeError, match="is not the URL of one"):
        open_source(str(tmp_path / "shop.csv"), shop("sql"))
