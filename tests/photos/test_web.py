"""Photos on a web server: a real one, which fails in all the ways that servers do."""

import gzip
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from app.errors import LookalikeError
from app.photos.errors import (
    MissingPhotoError,
    PhotoError,
    PhotoStorageLost,
    PhotoStorageUnavailable,
    UnavailablePhotoError,
    UnreachableError,
)
from app.photos.fetcher import Limits
from app.photos.http_client import HttpClient
from app.photos.photo_file import PhotoFile, Unchanged
from app.photos.retry import RetryPolicy
from app.photos.watched_root import TOLERATED, WatchedRoot
from app.photos.web import WebPhotos, WebRoot
from tests.photos.conftest import QUICK, photo
from tests.photos.resolver import resolver
from tests.photos.scripted_server import Reply, Request, ScriptedServer
from tests.support.photo_server import PhotoServer, serving

MakeClient = Callable[..., HttpClient]


@pytest.fixture
def feed(make_client: MakeClient) -> WebPhotos:
    """Reads addresses of a catalog, asking each once."""
    return WebPhotos(make_client())


def test_photos_are_read_many_at_once(web: PhotoServer, make_client: MakeClient) -> None:
    root = WebRoot(web.url, make_client())
    root.require()
    with ThreadPoolExecutor(root.readers) as pool:
        found = list(pool.map(root.read, [f"images/{number}.jpg" for number in range(50)]))
    assert found == [b"photo %d" % number if number else b"" for number in range(50)]


def test_a_folder_of_a_server_is_a_root_too(web: PhotoServer, make_client: MakeClient) -> None:
    assert WebRoot(f"{web.url}/images/", make_client()).read("7.jpg") == b"photo 7"


NAMES = [
    "a b.jpg",
    "100%.jpg",
    "%2e%2e.jpg",
    "what?.jpg",
    "#1.jpg",
    "日本/ä+ö.jpg",
    "a&b=c;d:e@f.jpg",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_percent_encoded(name: str, photos: Path, make_client: MakeClient) -> None:
    (photos / name).parent.mkdir(exist_ok=True)
    (photos / name).write_bytes(name.encode())
    with serving(photos) as server:
        assert WebRoot(server.url, make_client()).read(name) == name.encode()


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/a b.jpg", "/a%20b.jpg"),
        ("/a%20b.jpg", "/a%20b.jpg"),
        ("/a%2Fb.jpg", "/a%2Fb.jpg"),
        ("/100% wool.jpg", "/100%25%20wool.jpg"),
        ("/schön.jpg?w=300 px&sig=a%2Bb", "/sch%C3%B6n.jpg?w=300+px&sig=a%2Bb"),
        ("/1.jpg#top", "/1.jpg"),
        ("/a//b.jpg", "/a//b.jpg"),
        ("/a%2fb%7E%41.jpg?sig=%2F%7e%3d+%20/:", "/a%2fb%7E%41.jpg?sig=%2F%7e%3d+%20/:"),
        ("?id=1", "/?id=1"),
    ],
)
def test_an_address_is_encoded_where_it_has_to_be(
    address: str, path: str, feed: WebPhotos, scripted: ScriptedServer
) -> None:
    scripted.scripts[path] = [Reply(body=b"photo")]
    assert feed.read(scripted.url + address) == b"photo"
    assert scripted.paths() == [path]


def test_a_redirect_is_followed_to_the_letter(feed: WebPhotos, scripted: ScriptedServer) -> None:
    """As to a storage that signed the address."""
    for path, location in {
        "/shop/1.jpg": "../cdn/a%2fb?sig=%2F%7e",
        "/cdn/a%2fb?sig=%2F%7e": "?sig=2",
        "/cdn/a%2fb?sig=2": "//127.0.0.1:{port}/a b.jpg",
    }.items():
        headers = {"Location": location.format(port=scripted.port)}
        scripted.scripts[path] = [Reply(307, headers=headers)]
    scripted.scripts["/a%20b.jpg"] = [Reply(body=b"photo")]
    assert feed.read(f"{scripted.url}/shop/1.jpg") == b"photo"


@pytest.mark.parametrize("location", ["http://[", "http://a:b/", "", "http://", "mailto:a@b"])
def test_a_redirect_to_nowhere_is_refused(
    location: str, feed: WebPhotos, scripted: ScriptedServer
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(302, headers={"Location": location})]
    with pytest.raises(PhotoError, match=r"redirects|not an http or https address"):
        feed.read(f"{scripted.url}/1.jpg")


@pytest.mark.parametrize("status", [404, 410])
def test_a_photo_that_is_gone_is_missing(
    status: int, feed: WebPhotos, scripted: ScriptedServer
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(status)]
    with pytest.raises(MissingPhotoError, match=f"127.0.0.1 answers {status} "):
        feed.read(f"{scripted.url}/1.jpg")


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 405, 451, 500, 503])
def test_a_photo_that_is_not_given_is_unavailable(
    status: int, feed: WebPhotos, scripted: ScriptedServer
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(status)]
    for ask in (feed.read, lambda url: feed.look_up(url, None)):
        with pytest.raises(UnavailablePhotoError, match=f"answers {status} ") as failure:
            ask(f"{scripted.url}/1.jpg")
        assert not isinstance(failure.value, MissingPhotoError)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html>Sign in</html>",
        b"\xef\xbb\xbf\r\n <HTML><body>",
        b'<?xml version="1.0"?><!DOCTYPE x><html xmlns="http://www.w3.org/1999/xhtml">',
        b"<!-- shop --><html>",
    ],
)
def test_a_web_page_is_no_photo(body: bytes, feed: WebPhotos, scripted: ScriptedServer) -> None:
    scripted.scripts["/1.jpg"] = [Reply(body=body, headers={"Content-Type": "image/jpeg"})]
    with pytest.raises(PhotoError, match="the address gives a web page, not a photo") as refusal:
        feed.look_up(f"{scripted.url}/1.jpg", None)
    assert not isinstance(refusal.value, UnavailablePhotoError)


def test_a_photo_that_is_called_a_web_page_is_read(
    feed: WebPhotos, scripted: ScriptedServer
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(body=photo(), headers={"Content-Type": "text/html"})]
    assert feed.read(f"{scripted.url}/1.jpg") == photo()


def test_a_file_without_end_is_broken_off(web: PhotoServer, make_client: MakeClient) -> None:
    web.endless = {"/images/1.jpg"}
    root = WebRoot(web.url, make_client(limits=Limits(max_bytes=3_000_000)))
    with pytest.raises(PhotoError, match="more than the 3,000,000 bytes allowed"):
        root.read("images/1.jpg")


def test_a_file_that_says_it_is_too_large_is_not_read(
    scripted: ScriptedServer, make_client: MakeClient
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(body=b"begins", promised=10**12)]
    feed = WebPhotos(make_client(limits=Limits(max_bytes=1000)))
    with pytest.raises(PhotoError, match="more than the 1,000 bytes allowed"):
        feed.look_up(f"{scripted.url}/1.jpg", None)


def test_a_bomb_is_not_unpacked(scripted: ScriptedServer, make_client: MakeClient) -> None:
    packed = gzip.compress(bytes(100_000_000))
    scripted.scripts["/1.jpg"] = [Reply(body=packed, headers={"Content-Encoding": "gzip"})]
    feed = WebPhotos(make_client(limits=Limits(max_bytes=1_000_000)))
    with pytest.raises(PhotoError, match="more than the 1,000,000 bytes allowed"):
        feed.read(f"{scripted.url}/1.jpg")


@pytest.mark.parametrize("reason", ["\xff\x01", "a" * 5000, "A\tB"])
def test_a_server_s_words_fit_any_table(
    reason: str, feed: WebPhotos, scripted: ScriptedServer
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(403, reason=reason)]
    with pytest.raises(UnavailablePhotoError) as failure:
        feed.read(f"{scripted.url}/1.jpg")
    assert str(failure.value).isprintable()
    assert len(str(failure.value)) < 300


def test_an_answer_that_is_cut_off_is_no_photo(feed: WebPhotos, scripted: ScriptedServer) -> None:
    scripted.scripts["/1.jpg"] = [Reply(body=b"half", promised=100)]
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1 breaks its answer off"):
        feed.read(f"{scripted.url}/1.jpg")


def test_a_server_that_never_answers_is_given_up(
    scripted: ScriptedServer, make_client: MakeClient
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(seconds=1)]
    for limits in (Limits(read_seconds=0.1), Limits(total_seconds=0.1)):
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1 doesn't answer in time"):
            WebPhotos(make_client(limits=limits)).read(f"{scripted.url}/1.jpg")


def test_a_name_that_nobody_has_is_unavailable(make_client: MakeClient) -> None:
    feed = WebPhotos(make_client(resolver=resolver(), retry=RetryPolicy(wait=60)))
    with pytest.raises(UnavailablePhotoError, match=r"^there is no server called shop.test$"):
        feed.read("https://shop.test/1.jpg")  # at once: asking again changes nothing
    with pytest.raises(UnreachableError, match=r"^no name server tells where away.test is$"):
        WebPhotos(make_client(resolver=resolver())).read("https://away.test/1.jpg")


def test_a_server_without_tls_is_unavailable(feed: WebPhotos, scripted: ScriptedServer) -> None:
    with pytest.raises(UnavailablePhotoError, match=r"127.0.0.1"):
        feed.read(f"https://127.0.0.1:{scripted.port}/1.jpg")


# --- unchanged photos ---


def conditional(request: Request) -> Reply:
    """A server that knows conditions."""
    headers = {"ETag": '"v1"'}
    if request.headers.get("if-none-match") == '"v1"':
        return Reply(304, headers=headers)
    return Reply(body=photo(), headers=headers)


def test_an_unchanged_photo_is_not_sent_again(feed: WebPhotos, scripted: ScriptedServer) -> None:
    url = f"{scripted.url}/1.jpg"
    scripted.scripts["/1.jpg"] = conditional
    found = feed.look_up(url, None)
    assert isinstance(found, PhotoFile)
    assert (found.width, found.height) == (30, 40)
    assert isinstance(feed.look_up(url, found.validator), Unchanged)
    assert scripted.requests[-1].headers["if-none-match"] == '"v1"'
    changed = feed.look_up(url, '{"etag": "\\"v0\\"", "length": 5}')
    assert changed == found


def test_a_date_does_where_there_is_no_etag(web: PhotoServer, feed: WebPhotos) -> None:
    """Python's own server answers 304 by date."""
    found = feed.look_up(f"{web.url}/images/1.jpg", None)
    assert isinstance(found, PhotoFile)
    assert isinstance(feed.look_up(f"{web.url}/images/1.jpg", found.validator), Unchanged)


@pytest.mark.parametrize(
    "headers",
    [{"ETag": 'W/"v1"'}, {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, {"ETag": "unquoted"}],
)
def test_a_server_that_knows_no_conditions_is_compared(
    headers: dict[str, str], feed: WebPhotos, scripted: ScriptedServer
) -> None:
    url = f"{scripted.url}/1.jpg"
    scripted.scripts["/1.jpg"] = [Reply(body=photo(), headers=headers)]
    found = feed.look_up(url, None)
    assert isinstance(found, PhotoFile)
    # The body never comes: it must not be waited for.
    length = len(photo())
    scripted.scripts["/1.jpg"] = [Reply(body=b"", headers=headers, promised=length)]
    assert isinstance(feed.look_up(url, found.validator), Unchanged)
    # Of another length it is another photo, whatever the date says.
    scripted.scripts["/1.jpg"] = [Reply(body=photo() + b"\0", headers=headers)]
    assert isinstance(feed.look_up(url, found.validator), PhotoFile)


@pytest.mark.parametrize("headers", [{}, {"ETag": "x" * 600}, {"ETag": "\u00e9"}])
def test_a_server_that_says_nothing_is_read_each_time(
    headers: dict[str, str], feed: WebPhotos, scripted: ScriptedServer
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(body=photo(), headers=headers)]
    found = feed.look_up(f"{scripted.url}/1.jpg", None)
    assert isinstance(found, PhotoFile)
    assert found.validator is None


@pytest.mark.parametrize("validator", ["123:456", "[1]", "null", "", '{"other": 1}'])
def test_a_validator_of_another_storage_is_of_no_use(
    validator: str, feed: WebPhotos, scripted: ScriptedServer
) -> None:
    """As when a catalog's photos move from a folder to a server."""
    scripted.scripts["/1.jpg"] = conditional
    assert isinstance(feed.look_up(f"{scripted.url}/1.jpg", validator), PhotoFile)


def test_unchanged_says_only_who_was_asked(feed: WebPhotos, scripted: ScriptedServer) -> None:
    scripted.scripts["/1.jpg"] = [Reply(304)]
    with pytest.raises(UnavailablePhotoError, match="answers 304"):
        feed.look_up(f"{scripted.url}/1.jpg", "123:456")


# --- politeness ---


def test_connections_to_a_host_are_bounded(
    scripted: ScriptedServer, make_client: MakeClient
) -> None:
    urls = [f"{scripted.url}/{number}.jpg" for number in range(20)]
    for number in range(20):
        scripted.scripts[f"/{number}.jpg"] = [Reply(body=b"photo", seconds=0.02)]
    for bound in (6, 2):
        limits = Limits() if bound == 6 else Limits(connections=bound)
        scripted.at_once = 0
        feed = WebPhotos(make_client(limits=limits))
        with ThreadPoolExecutor(feed.readers) as pool:
            assert list(pool.map(feed.read, urls)) == [b"photo"] * 20
        assert 1 < scripted.at_once <= bound


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("when", [lambda: "1", lambda: in_seconds(2)], ids=["seconds", "date"])
def test_a_server_that_asks_for_time_gets_it(
    status: int, when: Callable[[], str], scripted: ScriptedServer, make_client: MakeClient
) -> None:
    scripted.scripts["/1.jpg"] = [
        Reply(status, headers={"Retry-After": when()}), Reply(body=b"photo"),
    ]  # fmt: skip
    scripted.scripts["/2.jpg"] = [Reply(body=b"photo")]
    feed = WebPhotos(make_client(retry=QUICK))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(feed.read, f"{scripted.url}/1.jpg")
        while not scripted.requests:
            time.sleep(0.01)
        time.sleep(0.1)
        second = pool.submit(feed.read, f"{scripted.url}/2.jpg")  # of the same host: it waits too
        assert (first.result(), second.result()) == (b"photo", b"photo")
    begun = scripted.requests[0].at
    assert all(request.at - begun >= 0.85 for request in scripted.requests[1:])


def test_a_server_that_asks_for_too_much_time_is_given_up(
    scripted: ScriptedServer, make_client: MakeClient
) -> None:
    scripted.scripts["/1.jpg"] = [Reply(429, headers={"Retry-After": "3600"})]
    feed = WebPhotos(make_client(retry=QUICK))
    with pytest.raises(UnavailablePhotoError, match="answers 429"):
        feed.read(f"{scripted.url}/1.jpg")
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("wrong", ["soon", "-5", "nan", "inf", ""])
def test_a_time_that_is_none_is_no_obstacle(
    wrong: str, scripted: ScriptedServer, make_client: MakeClient
) -> None:
    scripted.scripts["/1.jpg"] = [
        Reply(429, headers={"Retry-After": wrong}), Reply(body=b"photo"),
    ]  # fmt: skip
    assert WebPhotos(make_client(retry=QUICK)).read(f"{scripted.url}/1.jpg") == b"photo"


def test_a_server_that_fails_for_a_moment_is_asked_again(
    web: PhotoServer, make_client: MakeClient
) -> None:
    root = WebRoot(web.url, make_client(retry=QUICK))
    web.failures = 3
    assert root.read("images/1.jpg") == b"photo 1"
    web.failures = 4
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1 answers 503 "):
        root.read("images/1.jpg")
    assert web.failures == 0


def test_retries_end_after_their_time(scripted: ScriptedServer, make_client: MakeClient) -> None:
    scripted.scripts["/1.jpg"] = [Reply(503)]
    retry = RetryPolicy(attempts=1000, seconds=0.3, wait=0.05, longest_wait=0.1)
    begun = time.monotonic()
    with pytest.raises(UnreachableError):
        WebPhotos(make_client(retry=retry)).read(f"{scripted.url}/1.jpg")
    assert time.monotonic() - begun < 2


def test_a_dead_host_holds_up_its_own_photos_alone_and_not_for_ever(
    scripted: ScriptedServer, make_client: MakeClient
) -> None:
    scripted.scripts = {"/1.jpg": [Reply(503)], "/2.jpg": [Reply(body=b"photo")]}
    client = make_client(
        limits=Limits(failures=3, rest_seconds=0.3), resolver=resolver(other="127.0.0.1")
    )
    feed = WebPhotos(client)
    for _ in range(3):
        with pytest.raises(UnavailablePhotoError, match="answers 503"):
            feed.read(f"{scripted.url}/1.jpg")
    with pytest.raises(UnavailablePhotoError, match="could not be reached a moment ago"):
        feed.read(f"{scripted.url}/2.jpg")
    assert len(scripted.requests) == 3
    assert feed.read(f"http://other.test:{scripted.port}/2.jpg") == b"photo"
    time.sleep(0.35)
    assert feed.read(f"{scripted.url}/2.jpg") == b"photo"


# --- a root ---


def test_a_server_that_comes_back_is_found_again(web: PhotoServer, make_client: MakeClient) -> None:
    root = WebRoot(web.url, make_client(retry=RetryPolicy(attempts=20, wait=0.1, longest_wait=0.2)))
    assert root.read("images/1.jpg") == b"photo 1"
    web.stop()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(root.read, "images/2.jpg")
        time.sleep(0.3)
        web.start()
        assert reading.result() == b"photo 2"


def test_a_server_that_is_down_says_nothing_of_a_photo(
    web: PhotoServer, make_client: MakeClient
) -> None:
    web.stop()
    root = WatchedRoot(WebRoot(web.url, make_client()))
    for ask in (root.require, lambda: root.read("images/1.jpg")):
        with pytest.raises(PhotoStorageUnavailable, match=f"photos at {web.url} can't be reached"):
            ask()


def test_a_server_that_goes_down_is_told_from_a_photo_that_fails(
    web: PhotoServer, make_client: MakeClient
) -> None:
    root = WatchedRoot(WebRoot(web.url, make_client()))
    web.statuses = {"/images/2.jpg": 500, "/images/3.jpg": 403}
    for _ in range(2):  # whether or not another one was read before
        for number in (2, 3):
            with pytest.raises(UnavailablePhotoError):
                root.read(f"images/{number}.jpg")
        root.read("images/1.jpg")
    web.stop()
    with pytest.raises(PhotoStorageLost, match=r"gone or can't be read any more \(images/1.jpg: "):
        root.read("images/4.jpg")


def test_credentials_that_ran_out_stop_the_work(web: PhotoServer, make_client: MakeClient) -> None:
    root = WatchedRoot(WebRoot(web.url, make_client()))
    root.read("images/1.jpg")
    web.statuses = {f"/images/{number}.jpg": 403 for number in range(50)}
    with pytest.raises(PhotoStorageLost, match="answers 403"):
        root.look_up("images/2.jpg", None)


def test_a_wrong_root_is_doubted_in_the_end(web: PhotoServer, make_client: MakeClient) -> None:
    root = WatchedRoot(WebRoot(f"{web.url}/nowhere", make_client()))
    for _ in range(TOLERATED - 1):
        with pytest.raises(MissingPhotoError):
            root.read("images/1.jpg")
    with pytest.raises(PhotoStorageUnavailable, match="none of the first 32 photos can be read"):
        root.read("images/1.jpg")


def test_a_server_need_not_have_a_page_at_the_root(
    web: PhotoServer, make_client: MakeClient
) -> None:
    for status in (403, 404, 405):
        web.statuses = {"/": status}
        WebRoot(web.url, make_client()).require()
    web.statuses = {"/": 500}
    with pytest.raises(PhotoStorageUnavailable, match="answers 500"):
        WebRoot(web.url, make_client()).require()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://me:secret@photos.test/shop?key=1", r"has a \? or #"),
        ("https://me:secret@photos.test/#", r"has a \? or #"),
        ("https://me:secret@/shop", "not an http or https URL with a host"),
        ("https://me:secret@photos.test:port/", "not an http or https URL with a host"),
    ],
)
def test_a_root_that_no_path_fits_behind_is_refused(
    url: str, reason: str, make_client: MakeClient
) -> None:
    with pytest.raises(LookalikeError, match=reason) as refusal:
        WebRoot(url, make_client())
    assert "secret" not in str(refusal.value)


def test_a_path_is_no_longer_than_an_address_may_be(make_client: MakeClient) -> None:
    root = WebRoot("http://photos.test", make_client(resolver=resolver()))
    with pytest.raises(PhotoError, match="2,000 are allowed"):
        root.read("ä" * 400)
