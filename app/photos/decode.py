"""Decoding image files into a network's input, the same way for all callers."""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, BinaryIO

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps

from app.errors import in_one_line
from app.photos import png
from app.photos.box import WHOLE, Box
from app.photos.colour_profiles import to_srgb
from app.photos.depths import load_pixels
from app.photos.errors import NotAPhotoError, PhotoError

MAX_PIXELS = 50_000_000
"""Width × height above which a photo is refused from its header: 150 MB once decoded to RGB."""

LARGE = 8_000_000
"""Width × height above which a photo is averaged to a smaller one strip by strip, before it is
converted or turned, so that there is one copy of its pixels at a time."""

LARGE_EXACT = 3 * LARGE
"""The same where the pixels themselves are sampled."""

STRIP = 1 << 20
"""Number of pixels of a strip."""

MAX_MEMORY = 300_000_000
"""Bytes of memory that decoding a stranger's photo may take."""

BYTES_PER_PIXEL = {"WEBP": 17, "AVIF": 14, "HEIF": 12, "progressive JPEG": 10}
"""Memory that decoders take, measured, where it is more than `MAX_MEMORY` for `MAX_PIXELS`."""

MAX_BYTES = 64_000_000
"""Size of a file above which it is refused unread."""

Image.init()  # registers all formats

_DECODERS = {
    **{name: Image.OPEN[name] for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")},
    # Not registered with Pillow: that would change it for the program that imports this one.
    "HEIC": (pillow_heif.HeifImageFile, pillow_heif.is_supported),
}
"""By format, what opens a file and what tells its signature."""

FORMATS = tuple(_DECODERS)

SIGNATURE_BYTES = 16
"""Number of first bytes from which Pillow's decoders detect their format."""

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → what turns the picture upright."""


class Resize(StrEnum):
    """How a photo of any size becomes a square."""

    NEAREST = "nearest"
    """Squash with nearest-neighbour sampling: what `keras.utils.load_img` does by default."""

    ANTIALIAS = "antialias"
    """Squash with averaging; a large JPEG is decoded at a smaller scale."""

    LETTERBOX = "letterbox"
    """Keep the proportions, antialias, centre on white, the usual background of product photos."""


def open_photo(source: BinaryIO) -> ImageFile.ImageFile:
    """Read the header of an image file; refuse what is no photo or too large to decode.

    Raises:
        NotAPhotoError: the file is in no known format.
        PhotoError: it is empty, its header damaged, or it holds over `MAX_PIXELS` pixels.
    """
    start = source.read(SIGNATURE_BYTES)
    if not start:
        raise PhotoError("the file is empty")
    source.seek(0)
    if start.startswith(png.SIGNATURE):
        source = png.drop_text(source)
    try:
        image = _open(start, source)
    except Exception as error:  # a damaged header raises anything: struct.error, SyntaxError, ...
        raise PhotoError(
            "unreadable image header: damaged, cut off or of an unsupported kind "
            f"({in_one_line(error)})"
        ) from None
    if image is None:
        raise NotAPhotoError("not an image in a known format")
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoError(f"{width} x {height} pixels are more than the {MAX_PIXELS:,} allowed")
    return image


def is_photo(start: bytes) -> bool:
    """Return whether a file that begins so is an image in a known format."""
    known = (accepts(start[:SIGNATURE_BYTES]) for _, accepts in _DECODERS.values() if accepts)
    return any(found is True for found in known)


def _open(start: bytes, source: BinaryIO) -> ImageFile.ImageFile | None:
    """Read an image's header with the decoder that its signature belongs to.

    Unlike `Image.open` it has no process-wide limit of size, and reports why a decoder refused the
    file.
    """
    refusals = []
    for factory, accepts in _DECODERS.values():
        if accepts is not None and accepts(start) is True:
            try:
                return factory(source, "")
            except Exception as error:  # AVIF and HEIC may begin alike, so another may do
                refusals.append(error)
                source.seek(0)
    if refusals:
        raise refusals[0]
    return None


def load_photo(data: bytes, size: int, resize: Resize, box: Box | None = None) -> NDArray[np.uint8]:
    """Decode an image file into a network's input.

    The EXIF orientation is applied, transparency is blended with white, colours are converted to
    sRGB (see `app.photos.colour_profiles`) and any bit depth to 8 bits. Of several frames or pages
    the first is used.

    Args:
        data: the bytes of the file.
        size: the edge of the square, in pixels.
        resize: how to resize to the square.
        box: the part of the upright photo to use; all of it by default.

    Returns:
        RGB, shape `(size, size, 3)`, uint8.

    Raises:
        PhotoError: the bytes can't be decoded; the text says why.
    """
    with _decoding_errors():
        least = math.ceil(size / box.shorter) if box else size
        exact = resize is Resize.NEAREST
        picture, turn = _decode(data, None if exact else least)
        if picture.width * picture.height > (LARGE_EXACT if exact else LARGE):
            region = (box or WHOLE).before(turn).pixels(picture)
            picture, box = _reduce(picture, region, size, exact=exact), None
        upright = picture if turn is None else picture.transpose(turn)
        return to_square(box.crop(upright) if box else upright, size, resize)


def to_square(picture: Image.Image, size: int, resize: Resize) -> NDArray[np.uint8]:
    """Turn a decoded picture into a network's input: RGB, shape `(size, size, 3)`, uint8."""
    return np.asarray(_RESIZERS[resize](picture, (size, size)), dtype=np.uint8)


def load_picture(data: bytes, least: int | None = None) -> Image.Image:
    """Decode an image file as `load_photo` does, without resizing it to a square.

    Args:
        data: the bytes of the file.
        least: decode a large JPEG at a smaller scale, of which no edge is below this, in pixels.

    Returns:
        An RGB image.

    Raises:
        PhotoError: the bytes can't be decoded; the text says why.
    """
    with _decoding_errors():
        picture, turn = _decode(data, least)
        return to_rgb(picture if turn is None else picture.transpose(turn))


def _decode(data: bytes, least: int | None) -> tuple[Image.Image, Image.Transpose | None]:
    """Decode an image file: its pixels, and how to turn them upright."""
    image = open_photo(io.BytesIO(data))
    image.info.pop("xmp", None)  # Pillow would apply its orientation to a TIFF
    # A HEIC would give its thumbnail, which may show something else.
    if least is not None and image.format != "HEIF":
        # JPEG decodes at 1/2, 1/4 or 1/8 for a fraction of the cost, never below `least`.
        image.draft("RGB", (least, least))
    picture = load_pixels(image, data)
    # Pillow's own function also uses an orientation in XMP, unlike other programs. A TIFF it has
    # turned as it loaded it.
    turn = None if image.format == "TIFF" else _TRANSPOSITIONS.get(_orientation(image.info) or 1)
    return picture, turn


def require_bounded(data: bytes) -> int:
    """Refuse, from its header, a photo whose decoder would take more than `MAX_MEMORY`.

    Returns:
        Its number of pixels.

    Raises:
        PhotoError: it takes too much, or `open_photo` refuses it.
    """
    image = open_photo(io.BytesIO(data))
    kind = "progressive JPEG" if image.info.get("progressive") else str(image.format)
    pixels = image.width * image.height
    if pixels * BYTES_PER_PIXEL.get(kind, 0) > MAX_MEMORY:
        raise PhotoError(
            f"{image.width} x {image.height} pixels are more than the "
            f"{MAX_MEMORY // BYTES_PER_PIXEL[kind]:,} allowed in a {kind.replace('HEIF', 'HEIC')}"
        )
    return pixels


def _reduce(
    picture: Image.Image, region: tuple[int, int, int, int], size: int, *, exact: bool
) -> Image.Image:
    """Return a part of a large picture as RGB, with each edge two times `size` or more.

    Args:
        picture: the decoded picture.
        region: the part, in pixels.
        size: the edge of the square that it is for.
        exact: sample the pixels of the square instead of averaging.
    """
    if exact:
        return to_rgb(picture.resize((size, size), Image.Resampling.NEAREST, box=region))
    left, upper, right, lower = region
    factor = max(min(right - left, lower - upper) // (2 * size), 1)
    edges = math.ceil((right - left) / factor), math.ceil((lower - upper) / factor)
    reduced = Image.new("RGB", edges)
    rows = max(STRIP // (right - left) // factor, 1) * factor
    for top in range(upper, lower, rows):
        strip = to_rgb(picture.crop((left, top, right, min(top + rows, lower))))
        reduced.paste(strip.reduce(factor), (0, (top - upper) // factor))
    return reduced


@contextmanager
def _decoding_errors() -> Iterator[None]:
    """Raise whatever decoding raises as a `PhotoError`."""
    try:
        yield
    except PhotoError:
        raise
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error, ...
        raise PhotoError(f"can't be decoded: {in_one_line(error)}") from None


def _orientation(info: dict[Any, Any]) -> int | None:
    """Return the EXIF orientation in an image's `info`; None if there is none."""
    try:
        data = info.get("exif")
        if data is None and "Raw profile type exif" in info:
            lines = info["Raw profile type exif"].split("\n")
            data = bytes.fromhex("".join(lines[3:]))
        if not data:
            return None
        exif = Image.Exif()
        exif.load(data)
        value = exif.get(ExifTags.Base.Orientation)
    except Exception:  # damaged EXIF; the pixels may be fine
        return None
    return value if isinstance(value, int) else None


def _nearest(image: Image.Image, edges: tuple[int, int]) -> Image.Image:
    # Resizing first is the same and cheaper, since pixels are picked and not mixed.
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
    """Convert an image of any 8-bit mode to sRGB, with transparency blended with white."""
    is_grey = image.mode in ("1", "L", "LA", "La")
    if not image.has_transparency_data:
        if image.mode in ("RGB", "L", "CMYK"):
            return to_srgb(image)
        return to_srgb(image.convert("L" if is_grey else "RGB"))
    layer = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    colours = layer.getchannel("R") if is_grey else layer.convert("RGB")
    colours.info = image.info
    opaque = to_srgb(colours)
    opaque.putalpha(layer.getchannel("A"))
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, opaque).convert("RGB")
