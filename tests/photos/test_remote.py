"""Photos in a storage that fsspec reaches: the one in memory."""

import errno
import time
from typing import Any

import fsspec
import pytest

from app.errors import LookalikeError
from app.photos.errors import (
    MissingPhotoError,
    PhotoError,
    PhotoStorageLost,
    PhotoStorageUnavailable,
    UnavailablePhotoError,
    UnreachableError,
    in_words,
)
from app.photos.photo_file import PhotoFile, Unchanged
from app.photos.remote import Failure, Remote, _validator, failure_of, open_root
from app.photos.retry import CircuitBreaker
from app.photos.watched_root import TOLERATED, WatchedRoot
from tests.photos.conftest import ONCE, QUICK, photo


class Failing:
    """A file system that fails so many times before it answers."""

    def __init__(self, real: Any, error: Exception, failures: int) -> None:
        self.real = real
        self.error = error
        self.failures = failures
        self.ranges: list[tuple[int, int]] = []

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        self._fail()
        self.ranges.append((start, end))
        return bytes(self.real.cat_file(path, start=start, end=end))

    def info(self, path: str) -> dict[str, Any]:
        self._fail()
        return dict(self.real.info(path))

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise self.error


@pytest.fixture
def memory(memory_url: str) -> Any:  # noqa: ARG001 - it holds the photos
    return fsspec.filesystem("memory")


def test_a_photo_is_read_as_from_a_folder(memory_url: str) -> None:
    root = WatchedRoot(open_root(memory_url, ONCE))
    root.require()
    assert root.read("images/7.jpg") == b"photo 7"
    assert root.read("images/0.jpg") == b""
    with pytest.raises(MissingPhotoError, match="No such file or directory"):
        root.read("images/none.jpg")
    for reference in ("../secret", "/roots/images/7.jpg"):
        with pytest.raises(PhotoError, match="below the photos' root"):
            root.read(reference)


def test_a_photo_that_is_too_large_is_not_read_to_its_end(memory: Any) -> None:
    files = Failing(memory, OSError(), 0)
    root = Remote(files, "/roots", "memory://roots", ONCE, max_bytes=7)
    assert root.read("images/7.jpg") == b"photo 7"
    files.ranges.clear()
    with pytest.raises(PhotoError, match="more than the 7 bytes allowed") as refusal:
        root.read("images/12.jpg")
    assert not isinstance(refusal.value, UnavailablePhotoError)
    assert files.ranges == [(0, 8)]
    with pytest.raises(PhotoError, match="more than the 7 bytes allowed"):
        root.look_up("images/12.jpg", None)
    assert files.ranges == [(0, 8)]


def test_an_unchanged_photo_is_not_read_again(memory: Any) -> None:
    files = Failing(memory, OSError(), 0)
    root = Remote(files, "/roots", "memory://roots", ONCE)
    memory.pipe("/roots/images/1.jpg", photo(30, 40))
    found = root.look_up("images/1.jpg", None)
    assert isinstance(found, PhotoFile)
    assert (found.width, found.height) == (30, 40)
    files.ranges.clear()
    assert isinstance(root.look_up("images/1.jpg", found.validator), Unchanged)
    assert files.ranges == []
    memory.pipe("/roots/images/1.jpg", photo(50, 60))
    changed = root.look_up("images/1.jpg", found.validator)
    assert isinstance(changed, PhotoFile)
    assert (changed.width, changed.height) == (50, 60)


@pytest.mark.parametrize(
    ("info", "validator"),
    [
        ({"ETag": '"abc"', "size": 5, "LastModified": "today"}, '5:"abc"'),
        ({"etag": "CJ=", "generation": "17", "size": 5}, "5:CJ="),
        ({"generation": "17", "size": 5}, "5:17"),
        ({"size": 5, "mtime": 12.5}, "5:12.5"),
        ({"size": 5}, None),
    ],
)
def test_each_storage_has_its_own_word_for_a_version(
    info: dict[str, Any], validator: str | None
) -> None:
    assert _validator(info) == validator


def test_a_storage_that_fails_for_a_moment_is_asked_again(memory: Any) -> None:
    files = Failing(memory, ConnectionResetError(), 3)
    root = Remote(files, "/roots", "memory://roots", QUICK)
    assert root.read("images/1.jpg") == b"photo 1"
    files.failures = 4
    with pytest.raises(UnreachableError, match="ConnectionResetError"):
        root.read("images/1.jpg")
    files.failures = 4
    with pytest.raises(PhotoStorageUnavailable, match=r"can't be reached \(ConnectionResetError\)"):
        root.require()


def test_a_dead_storage_of_a_catalog_is_left_alone_for_a_while(memory: Any) -> None:
    files = Failing(memory, ConnectionResetError(), 2)
    breaker = CircuitBreaker("s3://shop", failures=2, rest_seconds=0.2)
    bucket = Remote(files, "/roots", "s3://shop", ONCE, breaker=breaker)
    for reason in ("ConnectionResetError", "ConnectionResetError", "reached a moment ago"):
        with pytest.raises(UnreachableError, match=reason):
            bucket.read("images/1.jpg")
    time.sleep(0.25)
    assert bucket.read("images/1.jpg") == b"photo 1"


@pytest.mark.parametrize("error", [FileNotFoundError(), PermissionError()])
def test_what_is_about_one_file_is_not_asked_again(memory: Any, error: Exception) -> None:
    files = Failing(memory, error, 1)
    with pytest.raises(UnavailablePhotoError):
        Remote(files, "/roots", "memory://roots", QUICK).read("images/1.jpg")
    assert files.failures == 0
    assert files.ranges == []


def test_a_root_with_nothing_below_it_is_told_at_the_start() -> None:
    with pytest.raises(LookalikeError, match="there is nothing at memory://nowhere: "):
        open_root("memory://nowhere", ONCE).require()


def test_who_may_read_may_not_always_list(memory: Any) -> None:
    Remote(Failing(memory, PermissionError(), 9), "/roots", "memory://roots", ONCE).require()


def test_a_root_that_vanishes_is_told_from_a_photo_that_does(memory: Any, memory_url: str) -> None:
    root = WatchedRoot(open_root(memory_url, ONCE))
    root.read("images/1.jpg")
    memory.rm("/roots/images/2.jpg")
    with pytest.raises(MissingPhotoError):
        root.read("images/2.jpg")
    memory.rm("/roots", recursive=True)
    with pytest.raises(PhotoStorageLost, match=r"gone or can't be read any more \(images/1.jpg: "):
        root.read("images/2.jpg")


def test_a_storage_that_goes_away_is_told_from_a_photo_that_does(memory: Any) -> None:
    files = Failing(memory, ConnectionResetError(), 0)
    root = WatchedRoot(Remote(files, "/roots", "memory://roots", ONCE))
    root.read("images/1.jpg")
    files.failures = 1
    with pytest.raises(UnreachableError):  # it answers for the other photo
        root.read("images/2.jpg")
    files.failures = 99
    with pytest.raises(PhotoStorageLost):
        root.read("images/2.jpg")


def test_credentials_that_ran_out_are_told_from_a_photo_that_is_denied(memory: Any) -> None:
    files = Failing(memory, PermissionError(), 0)
    root = WatchedRoot(Remote(files, "/roots", "memory://roots", ONCE))
    root.read("images/1.jpg")
    files.failures = 1
    with pytest.raises(UnavailablePhotoError, match="Permission denied"):
        root.read("images/2.jpg")
    files.failures = 99
    with pytest.raises(PhotoStorageLost, match="Permission denied"):
        root.read("images/2.jpg")


def test_a_root_none_of_whose_photos_was_ever_read_is_doubted_in_the_end(memory_url: str) -> None:
    root = WatchedRoot(open_root(f"{memory_url}/images", ONCE))
    for _ in range(TOLERATED - 1):
        with pytest.raises(MissingPhotoError):
            root.read("images/1.jpg")
    with pytest.raises(LookalikeError, match="none of the first 32 photos can be read at memory:"):
        root.read("images/1.jpg")


def test_an_ingest_goes_on_however_many_photos_are_gone(memory_url: str) -> None:
    root = WatchedRoot(open_root(memory_url, ONCE))
    for number in range(2 * TOLERATED):
        with pytest.raises(MissingPhotoError):
            root.look_up(f"images/gone-{number}.jpg", "5:today")


class AnswerError(Exception):
    """As libraries report the status of an answer; each has a class of its own for it."""

    def __init__(self, **attributes: object) -> None:
        super().__init__("at http://me:sec/ret@photos.example/1.jpg")
        self.__dict__ |= attributes


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (FileNotFoundError("bucket/1.jpg"), Failure.MISSING),
        (IsADirectoryError(), Failure.MISSING),
        (AnswerError(status=404), Failure.MISSING),
        (PermissionError("Access Denied"), Failure.DENIED),
        (AnswerError(status=403), Failure.DENIED),
        (AnswerError(code="401"), Failure.DENIED),
        (OSError("Forbidden: https://storage.example/1.jpg"), Failure.DENIED),
        (AnswerError(status=429), Failure.UNREACHABLE),
        (AnswerError(status=503), Failure.UNREACHABLE),
        (AnswerError(code=None), Failure.UNREACHABLE),
        (OSError(errno.EIO, "Input/output error"), Failure.UNREACHABLE),
        (ConnectionResetError(), Failure.UNREACHABLE),
        (TimeoutError(), Failure.UNREACHABLE),
        (ValueError("something unheard of"), Failure.UNREACHABLE),
    ],
)
def test_only_what_is_surely_about_one_file_is_held_against_it(
    error: Exception, failure: Failure
) -> None:
    assert failure_of(error) is failure
    assert in_words(error)
    assert "sec" not in in_words(error)
