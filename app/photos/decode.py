"""From the bytes of an image file to the pixels that a network takes: one way for all callers."""

import errno
import io
import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from app.photos.errors import NotAPhotoError, PhotoError, UnavailablePhotoError

MAX_PIXELS = 50_000_000
"""Width × height above which a photo is refused from its header: 150 MB once decoded to RGB."""

MAX_BYTES = 64_000_000
"""Size of a file above which it is refused unread."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
Image.init()  # Pillow knows only some of them before it

_SIGNATURE_BYTES = 16
"""As many first bytes as Pillow's decoders tell their format by."""

# The header is checked against our own limit, which refuses; Pillow's would only warn at first.
Image.MAX_IMAGE_PIXELS = None


class Resize(StrEnum):
    """How a photo of any size becomes a square."""

    NEAREST = "nearest"
    """Squash with nearest-neighbour sampling: what `keras.utils.load_img` does by default."""

    ANTIALIAS = "antialias"
    """Squash, each pixel the mean of those it stands for; a large JPEG is decoded smaller."""

    LETTERBOX = "letterbox"
    """Keep the proportions, antialias, centre on white: product photos stand on white."""


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file for reading, and nothing else: a named pipe might never have an end.

    Raises:
        OSError: it is missing, unreadable or something else.
    """
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 - the caller's to close
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return file


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for whoever may write to it."""
    return os.open(path, flags | os.O_NONBLOCK)


def read_photo(path: Path) -> bytes:
    """Read an image file.

    Raises:
        UnavailablePhotoError: it is missing or unreadable.
        PhotoError: it is larger than `MAX_BYTES`.
    """
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise PhotoError(f"{size:,} bytes are more than the {MAX_BYTES:,} allowed")
            return file.read()
    except OSError as error:
        raise UnavailablePhotoError(f"the file can't be read: {error.strerror}") from None


def open_photo(source: BinaryIO) -> Image.Image:
    """Read the header of an image file, and refuse what is no photo or too large to decode.

    Raises:
        NotAPhotoError: the file is in no known format.
        PhotoError: it is empty, its header damaged, or it holds over `MAX_PIXELS` pixels.
    """
    start = source.read(_SIGNATURE_BYTES)
    if not start:
        raise PhotoError("the file is empty")
    source.seek(0)
    try:
        image = Image.open(source, formats=FORMATS)
    except UnidentifiedImageError:
        if _begins_like_a_photo(start):
            raise PhotoError("unreadable image header: the file is damaged or cut off") from None
        raise NotAPhotoError("not an image in a known format") from None
    except Exception as error:  # a damaged header raises anything: struct.error, SyntaxError, ...
        raise PhotoError(f"unreadable image header: {_one_line(error)}") from None
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoError(f"{width} x {height} pixels are more than the {MAX_PIXELS:,} allowed")
    return image


def load_photo(data: bytes, size: int, resize: Resize) -> NDArray[np.uint8]:
    """Decode an image file into a network's input.

    The EXIF rotation is applied, transparency is laid over white, any mode becomes RGB; of an
    animation the first frame is taken.

    Args:
        data: the bytes of the file.
        size: the edge of the square, in pixels.
        resize: how to get to it.

    Returns:
        RGB, shape `(size, size, 3)`, uint8.

    Raises:
        PhotoError: the bytes can't be decoded; the text says why.
    """
    image = open_photo(io.BytesIO(data))
    try:
        if resize is not Resize.NEAREST:
            # JPEG decodes at 1/2, 1/4 or 1/8 for a fraction of the cost, never below `size`.
            image.draft("RGB", (size, size))
        ImageOps.exif_transpose(image, in_place=True)
        square = _RESIZERS[resize](image, (size, size))
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ...
        raise PhotoError(f"can't be decoded: {_one_line(error)}") from None
    return np.asarray(square, dtype=np.uint8)


def _nearest(image: Image.Image, edges: tuple[int, int]) -> Image.Image:
    # Pixels are picked, not mixed, so they may as well be converted afterwards.
    return to_rgb(image.resize(edges, Image.Resampling.NEAREST))


def _antialias(image: Image.Image, edges: tuple[int, int]) -> Image.Image:
    return to_rgb(image).resize(edges, Image.Resampling.BILINEAR)


def _letterbox(image: Image.Image, edges: tuple[int, int]) -> Image.Image:
    return ImageOps.pad(to_rgb(image), edges, Image.Resampling.BILINEAR, color="white")


_RESIZERS = {
    Resize.NEAREST: _nearest,
    Resize.ANTIALIAS: _antialias,
    Resize.LETTERBOX: _letterbox,
}


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to RGB, transparency over white, 16 bits scaled to 8."""
    if image.mode.startswith("I"):
        # Pillow's own conversion clips instead of scaling.
        grey = np.asarray(image).astype(np.int64) >> 8
        image = Image.fromarray(grey.clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image if image.mode == "RGB" else image.convert("RGB")


def _begins_like_a_photo(start: bytes) -> bool:
    """Return whether a file begins with the signature of a known format."""
    signs = (Image.OPEN[name][1] for name in FORMATS if name in Image.OPEN)
    return any(sign is not None and sign(start) is True for sign in signs)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
