"""What becomes of photos: each way to damage one, and the reason that is given for it."""

import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

Damage = Callable[[Path], None]


def cut(photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:2000])


def empty(photo: Path) -> None:
    photo.write_bytes(b"")


def text(photo: Path) -> None:
    photo.write_text("no photo at all")


def page(photo: Path) -> None:
    photo.write_text("<!DOCTYPE html><title>503</title><p>Try again later.")


def archive(photo: Path) -> None:
    content = photo.read_bytes()
    with zipfile.ZipFile(photo, "w") as file:
        file.writestr(photo.name, content)


def enlarge(photo: Path) -> None:
    """Let the header promise 60,000 × 60,000 pixels: 10 GB once decoded."""
    data = bytearray(photo.read_bytes())
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):  # the start of frame, behind other segments
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    struct.pack_into(">HH", data, at + 5, 60_000, 60_000)
    photo.write_bytes(data)


def flip_bits(photo: Path) -> None:
    data = bytearray(photo.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(byte ^ 0xFF for byte in data[middle : middle + 64])
    photo.write_bytes(data)


def flip_bits_of_a_png(photo: Path) -> None:
    """A JPEG of such a kind shows a wrong picture, and nobody can tell."""
    misname(photo)
    flip_bits(photo)


def misname(photo: Path) -> None:
    """Harmless: a PNG, and still called .jpg."""
    buffer = io.BytesIO()
    with Image.open(photo) as image:
        image.save(buffer, "PNG")
    photo.write_bytes(buffer.getvalue())


def replace_by_folder(photo: Path) -> None:
    photo.unlink()
    photo.mkdir()


def replace_by_pipe(photo: Path) -> None:
    """Whoever opens it waits for a writer, who never comes."""
    photo.unlink()
    os.mkfifo(photo)


def link_to_itself(photo: Path) -> None:
    photo.unlink()
    photo.symlink_to(photo.name)


def take_away_rights(photo: Path) -> None:
    photo.chmod(0)


def mend(photo: Path, content: bytes) -> None:
    """Put the photo back, whatever stands in its place."""
    if photo.is_dir():
        photo.rmdir()
    else:
        photo.unlink(missing_ok=True)
    photo.write_bytes(content)


NO_PHOTO: list[Damage] = [replace_by_folder, replace_by_pipe]
"""What makes `ingest` see no photo."""

BEFORE_INGEST: dict[Damage, str] = {
    cut: "can't be decoded: image file is truncated",
    empty: "the file is empty",
    text: "not an image in a known format",
    page: "not an image in a known format",
    archive: "not an image in a known format",
    enlarge: "60000 x 60000 pixels are more than the 50,000,000 allowed",
    flip_bits_of_a_png: "can't be decoded: ",
}
AFTER_INGEST: dict[Damage, str] = {
    Path.unlink: "the file can't be read: No such file or directory",
    flip_bits: "the file has changed since the last ingest: ingest again",
    replace_by_folder: "the file can't be read: Is a directory",
    replace_by_pipe: "the file can't be read: Not a regular file",
    link_to_itself: "the file can't be read: Too many levels of symbolic links",
}
if os.geteuid():  # root may read anything
    AFTER_INGEST[take_away_rights] = "the file can't be read: Permission denied"
