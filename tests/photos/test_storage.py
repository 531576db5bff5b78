"""One storage for all references: each is read from where it says."""

import gc
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.errors import LookalikeError
from app.photos.errors import PhotoError, PhotoStorageUnavailable, UnavailablePhotoError
from app.photos.photo_file import PhotoFile, Unchanged
from app.photos.storage import PhotoStorage, open_storage
from app.settings import Settings
from tests.photos.conftest import ONCE, QUICK, photo
from tests.photos.scripted_server import Reply, ScriptedServer
from tests.support.photo_server import PhotoServer

SETTINGS = Settings(_env_file=None)
PRIVATE = Settings(_env_file=None, allow_private_addresses=True)


@pytest.fixture(params=["folder", "memory", "web"])
def storage(
    request: pytest.FixtureRequest, photos: Path, memory_url: str, web: PhotoServer
) -> PhotoStorage:
    roots = {"folder": str(photos), "memory": memory_url, "web": web.url}
    return open_storage(roots[request.param], SETTINGS, ONCE)


def test_a_path_is_read_below_any_root_alike(storage: PhotoStorage) -> None:
    storage.require()
    assert storage.read("images/7.jpg") == b"photo 7"
    assert storage.read("images/0.jpg") == b""
    found = storage.look_up("images/7.jpg", None)
    assert isinstance(found, PhotoFile)
    with pytest.raises(UnavailablePhotoError):
        storage.read("images/none.jpg")


@pytest.mark.parametrize(
    "reference",
    ["../root/images/1.jpg", "/etc/passwd", "file:///etc/passwd", "", "a\0b", "ftp://a/b"],
)
def test_what_leaves_the_root_is_refused_by_any_root_alike(
    storage: PhotoStorage, reference: str
) -> None:
    for ask in (storage.read, lambda r: storage.look_up(r, "1:1")):
        with pytest.raises(PhotoError) as refusal:
            ask(reference)
        assert not isinstance(refusal.value, UnavailablePhotoError)


def test_an_address_of_its_own_is_read_beside_any_root(
    photos: Path, scripted: ScriptedServer
) -> None:
    scripted.scripts["/a b.jpg"] = scripted.scripts["/a%20b.jpg"] = [
        Reply(body=photo(), headers={"ETag": '"1"'})
    ]
    address = f"{scripted.url}/a b.jpg"
    for root in (str(photos), None):
        storage = open_storage(root, PRIVATE, ONCE)
        storage.require()
        assert storage.read(address) == photo()
        found = storage.look_up(address, None)
        assert isinstance(found, PhotoFile)
        assert isinstance(storage.look_up(address, found.validator), Unchanged)
        assert storage.path_of(address) is None
    with pytest.raises(PhotoError, match="needs a root"):
        open_storage(None, PRIVATE).read("images/1.jpg")


def test_a_catalog_s_private_address_needs_the_setting(scripted: ScriptedServer) -> None:
    scripted.scripts["/1.jpg"] = [Reply(body=b"photo")]
    for root in (None, scripted.url):
        with pytest.raises(PhotoError, match="LOOKALIKE_ALLOW_PRIVATE_ADDRESSES=true"):
            open_storage(root, SETTINGS, ONCE).read(f"{scripted.url}/1.jpg")
    assert scripted.requests == []
    assert open_storage(scripted.url, SETTINGS, ONCE).read("1.jpg") == b"photo"


def test_a_dead_host_of_a_catalog_stops_nothing(photos: Path, web: PhotoServer) -> None:
    storage = open_storage(str(photos), PRIVATE, ONCE)
    web.stop()
    for _ in range(40):
        with pytest.raises(UnavailablePhotoError):
            storage.read(f"{web.url}/images/1.jpg")
    assert storage.read("images/1.jpg") == b"photo 1"


@pytest.mark.parametrize(("protocol", "package"), [("s3", "s3fs"), ("gs", "gcsfs")])
def test_a_missing_package_is_named_by_its_extra(
    monkeypatch: pytest.MonkeyPatch, photos: Path, protocol: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    line = f"photos at {protocol}:// need more packages: pip install 'lookalike[{protocol}]'"
    with pytest.raises(LookalikeError) as refusal:
        open_storage(f"{protocol}://bucket/photos", SETTINGS)
    assert str(refusal.value) == line
    storage = open_storage(str(photos), SETTINGS)  # of a catalog one photo alone is concerned
    with pytest.raises(UnavailablePhotoError) as failure:
        storage.read(f"{protocol}://bucket/1.jpg")
    assert str(failure.value) == line
    assert storage.read("images/1.jpg") == b"photo 1"


def test_an_unknown_protocol_of_a_root_is_refused() -> None:
    with pytest.raises(LookalikeError, match=r"photos can't be read from nonsense://photos: "):
        open_storage("nonsense://me:secret@photos", SETTINGS)


def test_files_are_named_for_whoever_sends_them(storage: PhotoStorage, photos: Path) -> None:
    (photos / "images" / "1.jpg").write_bytes(photo())
    path = storage.path_of("images/1.jpg")
    assert path in (None, photos / "images" / "1.jpg")


def test_threads_are_as_many_as_are_of_use(photos: Path, web: PhotoServer) -> None:
    folder, remote = open_storage(str(photos), SETTINGS), open_storage(web.url, SETTINGS)
    assert folder.readers == folder.readers_for(["1.jpg"])
    assert folder.readers_for(["1.jpg", "https://shop.test/1.jpg"]) == 32
    assert remote.readers == remote.readers_for(["1.jpg"]) == 32


def test_a_storage_that_nobody_uses_any_more_leaves_no_thread(scripted: ScriptedServer) -> None:
    scripted.scripts["/1.jpg"] = [Reply(body=b"photo")]
    before = threading.enumerate()
    storage = open_storage(scripted.url, SETTINGS, QUICK)
    storage.read("1.jpg")
    ours = [t for t in threading.enumerate() if t.name == "photos-http" and t not in before]
    assert ours
    del storage
    gc.collect()
    for thread in ours:
        thread.join(10)
        assert not thread.is_alive()


def test_the_end_of_a_program_says_nothing(scripted: ScriptedServer) -> None:
    """aiohttp complains of what was left open."""
    scripted.scripts["/1.jpg"] = [Reply(body=b"photo")]
    code = (
        "from app.photos.storage import open_storage\n"
        "from app.settings import Settings\n"
        f"kept = open_storage({scripted.url!r}, Settings(_env_file=None))\n"
        "print(kept.read('1.jpg'))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "b'photo'\n", "")


def test_a_folder_costs_no_import_of_fsspec_or_aiohttp(photos: Path) -> None:
    code = (
        "import sys\n"
        "from app.photos.storage import open_storage\n"
        "from app.settings import Settings\n"
        f"open_storage({str(photos)!r}, Settings(_env_file=None)).read('images/1.jpg')\n"
        "heavy = {'fsspec', 'aiohttp', 'app.encoders', 'keras', 'tensorflow'}\n"
        "assert not set(sys.modules) & heavy, set(sys.modules) & heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_root_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(PhotoStorageUnavailable, match="isn't there: mount it"):
        open_storage(str(tmp_path / "none"), SETTINGS).require()
