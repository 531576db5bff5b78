"""Photos in a folder, and what tells that the whole folder is gone."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.photos.errors import (
    MissingPhotoError,
    PhotoError,
    PhotoStorageLost,
    PhotoStorageUnavailable,
    UnavailablePhotoError,
)
from app.photos.folder import Folder, _failure
from app.photos.photo_file import PhotoFile, Unchanged
from app.photos.watched_root import WatchedRoot
from tests.photos.conftest import photo

LONG_AGO = 1_700_000_000


def settle(file: Path, seconds: float = LONG_AGO) -> None:
    """Let a file have been changed at that time."""
    os.utime(file, (seconds, seconds))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one real photo."""
    (tmp_path / "images").mkdir()
    file = tmp_path / "images" / "1.jpg"
    file.write_bytes(photo(30, 40))
    settle(file)
    return tmp_path


def test_a_photo_is_hashed_and_measured_once(folder: Path) -> None:
    photos = Folder(folder)
    found = photos.look_up("images/1.jpg", None)
    data = photos.read("images/1.jpg")
    assert isinstance(found, PhotoFile)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert (found.width, found.height) == (30, 40)
    (folder / "images" / "1.jpg").chmod(0)  # it is not even opened
    assert isinstance(photos.look_up("images/1.jpg", found.validator), Unchanged)


@pytest.mark.parametrize("change", ["content", "time", "size"])
def test_a_photo_that_changed_is_read_again(folder: Path, change: str) -> None:
    photos, file = Folder(folder), folder / "images" / "1.jpg"
    before = photos.look_up("images/1.jpg", None)
    assert isinstance(before, PhotoFile)
    data = {"content": photo(50, 60), "time": file.read_bytes(), "size": file.read_bytes() + b"\0"}
    file.write_bytes(data[change])
    settle(file, LONG_AGO if change == "size" else LONG_AGO + 0.001)
    after = photos.look_up("images/1.jpg", before.validator)
    assert isinstance(after, PhotoFile)
    assert (after.sha256 == before.sha256) is (change == "time")
    assert isinstance(photos.look_up("images/1.jpg", after.validator), Unchanged)


def test_the_time_of_a_photo_that_is_being_written_is_not_relied_on(folder: Path) -> None:
    photos, file = Folder(folder), folder / "images" / "1.jpg"
    os.utime(file)
    found = photos.look_up("images/1.jpg", None)
    assert isinstance(found, PhotoFile)
    assert found.validator is None


def test_what_is_no_photo_is_hashed_all_the_same(folder: Path) -> None:
    (folder / "images" / "1.jpg").write_bytes(b"this is text")
    found = Folder(folder).look_up("images/1.jpg", None)
    assert isinstance(found, PhotoFile)
    assert (found.width, found.height) == (None, None)
    assert found.sha256 == hashlib.sha256(b"this is text").hexdigest()


def test_names_of_any_kind_are_read(folder: Path) -> None:
    for name in ("a b.jpg", "100%.jpg", "what?#.jpg", "日本.jpg", "a:b.jpg", "%2e%2e.jpg"):
        (folder / name).write_bytes(name.encode())
        assert Folder(folder).read(name) == name.encode()


def test_nothing_outside_is_read_but_by_a_link(folder: Path) -> None:
    (folder / "secret").write_bytes(b"secret")
    photos = Folder(folder / "images")
    for reference in ("../secret", str(folder / "secret"), "a/../../secret"):
        for ask in (photos.read, photos.path_of, lambda r: photos.look_up(r, "1:1")):
            with pytest.raises(PhotoError) as refusal:
                ask(reference)
            assert not isinstance(refusal.value, UnavailablePhotoError)
    (folder / "images" / "link.jpg").symlink_to(folder / "secret")
    assert photos.read("link.jpg") == b"secret"


def test_what_can_not_be_read_says_why(folder: Path) -> None:
    photos = Folder(folder, max_bytes=1000)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "large.jpg").write_bytes(bytes(1001))
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    for reference, kind, reason in (
        ("images/none.jpg", MissingPhotoError, "No such file"),
        ("images/1.jpg/2.jpg", MissingPhotoError, "Not a directory"),
        ("images", UnavailablePhotoError, "Is a directory|Not a regular file"),
        ("pipe.jpg", UnavailablePhotoError, "Not a regular file"),
        ("loop.jpg", UnavailablePhotoError, "symbolic links"),
        ("large.jpg", PhotoError, "more than the 1,000 bytes allowed"),
        ("a" * 300, PhotoError, "File name too long"),
    ):
        for ask in (photos.read, lambda r: photos.look_up(r, None)):
            with pytest.raises(PhotoError, match=reason) as refusal:
                ask(reference)
            assert type(refusal.value) is kind


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_what_may_pass_is_not_missing(number: int) -> None:
    assert type(_failure(OSError(number, os.strerror(number)))) is UnavailablePhotoError


def test_a_relative_folder_gives_absolute_paths(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert Folder("images").path_of("1.jpg") == folder / "images" / "1.jpg"


Ask = Callable[[WatchedRoot, str], object]
WAYS = [
    pytest.param(lambda root, reference: root.read(reference), id="read"),
    pytest.param(lambda root, reference: root.look_up(reference, "1:1"), id="look_up"),
]


@pytest.mark.parametrize("ask", WAYS)
def test_a_photo_that_is_gone_is_told_from_a_folder_that_is(folder: Path, ask: Ask) -> None:
    root = WatchedRoot(Folder(folder))
    with pytest.raises(MissingPhotoError):
        ask(root, "images/2.jpg")
    ask(root, "images/1.jpg")
    with pytest.raises(MissingPhotoError):
        ask(root, "images/2.jpg")
    shutil.rmtree(folder / "images")
    (folder / "images").mkdir()  # as an unmounted share leaves it
    with pytest.raises(PhotoStorageLost, match=r"gone or can't be read any more \(images/1.jpg: "):
        ask(root, "images/2.jpg")


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("left", ["nothing", "empty", "no photos"])
def test_a_folder_that_was_away_from_the_start_is_told(tmp_path: Path, left: str, ask: Ask) -> None:
    if left != "nothing":
        (tmp_path / "root" / "images").mkdir(parents=True)
    if left == "no photos":
        (tmp_path / "root" / "styles.csv").write_text("id\n")
    reason = "isn't there: mount it" if left == "nothing" else "has no photos in it: mount"
    with pytest.raises(PhotoStorageUnavailable, match=reason):
        ask(WatchedRoot(Folder(tmp_path / "root")), "images/1.jpg")


@pytest.mark.parametrize("ask", WAYS)
def test_a_product_s_folder_that_is_gone_stops_nothing(folder: Path, ask: Ask) -> None:
    (folder / "SKU-1").mkdir()
    for reference in ("SKU-1/1.jpg", "SKU-2/1.jpg"):
        with pytest.raises(MissingPhotoError):
            ask(WatchedRoot(Folder(folder)), reference)


def test_one_of_the_photos_that_were_read_may_be_deleted(folder: Path) -> None:
    root = WatchedRoot(Folder(folder))
    (folder / "images" / "2.jpg").write_bytes(photo())
    root.read("images/1.jpg")
    root.read("images/2.jpg")
    (folder / "images" / "2.jpg").unlink()
    for reference in ("images/2.jpg", "images/3.jpg"):
        with pytest.raises(MissingPhotoError):
            root.read(reference)


def test_photos_that_all_were_deleted_stop_nothing_while_others_are_there(folder: Path) -> None:
    root = WatchedRoot(Folder(folder), tolerated=2)
    for number in range(5):
        for ask in (root.read, lambda r: root.look_up(r, "1:1")):
            with pytest.raises(MissingPhotoError):
                ask(f"images/gone-{number}.jpg")


def test_a_new_catalog_may_come_without_its_photos(tmp_path: Path) -> None:
    """Nothing says that they ever were there."""
    (tmp_path / "shop.csv").write_text("sku\n")
    root = WatchedRoot(Folder(tmp_path), tolerated=2)
    for number in range(5):
        with pytest.raises(MissingPhotoError):
            root.look_up(f"images/{number}.jpg", None)
