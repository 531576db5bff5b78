"""Photos on a web server: a real one, which fails in all the ways that servers do."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import LookalikeError
from app.photos import open_url, remote
from app.photos.errors import MissingPhotoError, PhotoError, UnavailablePhotoError
from tests.support.photo_server import PhotoServer


def test_photos_are_read_many_at_once(web: PhotoServer) -> None:
    root = open_url(web.url, waits=())
    root.require()
    with ThreadPoolExecutor(root.readers) as pool:
        found = list(pool.map(root.read, [f"images/{number}.jpg" for number in range(50)]))
    assert found == [b"photo %d" % number if number else b"" for number in range(50)]


def test_a_folder_of_a_server_is_a_root_too(web: PhotoServer) -> None:
    assert open_url(f"{web.url}/images/").read("7.jpg") == b"photo 7"


def test_missing_and_denied_are_told_apart(web: PhotoServer) -> None:
    web.statuses = {"/images/1.jpg": 403, "/images/2.jpg": 410}
    root = open_url(web.url, waits=())
    for path in ("images/none.jpg", "images/2.jpg"):
        with pytest.raises(MissingPhotoError, match="No such file"):
            root.read(path)
    with pytest.raises(UnavailablePhotoError, match="Permission denied") as denied:
        root.read("images/1.jpg")
    assert not isinstance(denied.value, MissingPhotoError)


def test_a_file_without_end_is_broken_off(
    web: PhotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MAX_BYTES", 3_000_000)
    web.endless = {"/images/1.jpg"}
    with pytest.raises(PhotoError, match="more than the 3,000,000 bytes allowed"):
        open_url(web.url).read("images/1.jpg")


def test_a_server_that_stumbles_is_asked_again(
    web: PhotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(remote, "sleep", waited.append)
    web.failures = 2
    assert open_url(web.url, waits=(1, 2, 4)).read("images/1.jpg") == b"photo 1"
    assert waited == [1, 2]
    web.failures = 3
    with pytest.raises(LookalikeError, match=r"can't be reached \(it answers 503 "):
        open_url(web.url, waits=(1, 2)).read("images/1.jpg")
    assert web.failures == 0


def test_a_server_that_comes_back_is_found_again(
    web: PhotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = open_url(web.url, waits=(1,))
    assert root.read("images/1.jpg") == b"photo 1"
    web.stop()
    monkeypatch.setattr(remote, "sleep", lambda _: web.start())
    assert root.read("images/2.jpg") == b"photo 2"


def test_a_server_that_is_down_says_nothing_of_a_photo(web: PhotoServer) -> None:
    web.stop()
    root = open_url(web.url, waits=())
    for ask in (root.require, lambda: root.read("images/1.jpg")):
        with pytest.raises(LookalikeError, match=f"photos at {web.url} can't be reached"):
            ask()


def test_a_server_need_not_have_a_page_at_the_root(web: PhotoServer) -> None:
    for status in (403, 404, 405):
        web.statuses = {"/": status}
        open_url(web.url, waits=()).require()
    web.statuses = {"/": 500}
    with pytest.raises(LookalikeError, match="it answers 500"):
        open_url(web.url, waits=()).require()
