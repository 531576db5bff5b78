"""Photos in a storage that fsspec reaches: the one in memory."""

import errno
from pathlib import Path

import fsspec
import pytest

from app.errors import LookalikeError
from app.photos import Folder, PhotoRoot, open_root, open_url, remote
from app.photos.errors import MissingPhotoError, PhotoError, UnavailablePhotoError
from app.photos.failures import Failure, failure_of, in_words


@pytest.fixture(params=["folder", "memory"])
def root(request: pytest.FixtureRequest, photos: Path, memory_url: str) -> PhotoRoot:
    return Folder(photos) if request.param == "folder" else open_root(memory_url, waits=())


def test_a_photo_is_read_from_anywhere_alike(root: PhotoRoot) -> None:
    root.require()
    assert root.read("images/7.jpg") == b"photo 7"
    assert root.read("images/0.jpg") == b""
    with pytest.raises(UnavailablePhotoError) as missing:
        root.read("images/none.jpg")
    assert str(missing.value) == "the file can't be read: No such file or directory"
    root.require_around("images/none.jpg")


def test_a_photo_that_is_too_large_is_not_read_to_its_end(
    memory_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MAX_BYTES", 7)
    root = open_url(memory_url)
    assert root.read("images/7.jpg") == b"photo 7"
    asked = []
    real = root.files.cat_file

    def cat_file(path: str, start: int, end: int) -> bytes:
        asked.append((start, end))
        return bytes(real(path, start=start, end=end))

    monkeypatch.setattr(root.files, "cat_file", cat_file)
    with pytest.raises(PhotoError, match="more than the 7 bytes allowed") as refusal:
        root.read("images/12.jpg")
    assert not isinstance(refusal.value, UnavailablePhotoError)
    assert asked == [(0, 8)]


def test_a_root_with_nothing_below_it_is_told_at_the_start() -> None:
    with pytest.raises(LookalikeError, match="there is nothing at memory://nowhere: "):
        open_root("memory://nowhere").require()


def test_a_root_that_vanishes_is_told_from_a_photo_that_does(memory_url: str) -> None:
    root = open_url(memory_url)
    files = fsspec.filesystem("memory")
    root.read("images/1.jpg")
    files.rm("/roots/images/2.jpg")
    with pytest.raises(MissingPhotoError):
        root.read("images/2.jpg")
    root.require_around("images/2.jpg")
    files.rm("/roots", recursive=True)
    with pytest.raises(LookalikeError, match=r"gone or may not be read any more \(images/1.jpg: "):
        root.require_around("images/2.jpg")


def test_a_root_none_of_whose_photos_was_ever_seen_is_doubted_in_the_end(memory_url: str) -> None:
    root = open_url(f"{memory_url}/images")
    for _ in range(remote.TOLERATED - 1):
        root.require_around("images/1.jpg")
    with pytest.raises(LookalikeError, match="none of the first 32 photos can be read at memory:"):
        root.require_around("images/1.jpg")


def test_names_are_those_of_the_files(memory_url: str) -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/roots/images/folder.jpg/within.jpg", b"")
    root = open_url(memory_url)
    assert root.names("images") == {f"{number}.jpg" for number in range(50)}
    assert root.names("styles") == set()


class AnswerError(Exception):
    """As libraries report the status of an answer; each has a class of its own for it."""

    def __init__(self, **attributes: object) -> None:
        super().__init__("at http://me:secret@photos.example/1.jpg")
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
        (AnswerError(status=429), Failure.AWAY),
        (AnswerError(status=503), Failure.AWAY),
        (AnswerError(code=None), Failure.AWAY),
        (OSError(errno.EIO, "Input/output error"), Failure.AWAY),
        (ConnectionResetError(), Failure.AWAY),
        (TimeoutError(), Failure.AWAY),
        (ValueError("something unheard of"), Failure.AWAY),
    ],
)
def test_only_what_is_surely_about_one_file_is_held_against_it(
    error: Exception, failure: Failure
) -> None:
    assert failure_of(error) is failure
    assert in_words(error)
    assert "secret" not in in_words(error)
