"""Bit depths: images of 16 and 32 bits, floats, inverted greys and partial first frames to 8 bits.

Pillow's own conversion to 8 bits clips, so that a deep image turns black or white. Here it is
scaled by the sample format in the file's header, or refused.
"""

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFile, ImagePalette

from app.photos import png
from app.photos.errors import PhotoError

BITS_PER_SAMPLE, PHOTOMETRIC, PLANAR, COLOUR_MAP, SAMPLE_FORMAT = 258, 262, 284, 320, 339
"""Tags of a TIFF."""

SIGNED = 2
"""The sample format of a TIFF with integers that may be negative."""

PNG_STEPS = {"L;2": 0x55, "L;4": 0x11}
"""Step between the greys that Pillow expands 2 and 4 bits to, by the mode in the file."""


DARKEST = 16
"""What the brightest of 256 levels has to reach in a picture of 16 bits; samples of 12 bits that
weren't scaled stay below it."""

STRIP = 1 << 20
"""Number of pixels that are converted at a time."""

WEBP_HEAD = (b"VP8X", b"ICCP", b"ANIM")
"""Chunks before the frames of a WebP."""

NATIVE_MODES = {"F;32BF": "F;32NF", "I;16BS": "I;16NS", "I;32BS": "I;32NS"}
"""Modes whose bytes Pillow would swap in a compressed TIFF although libtiff has done so already."""


class Samples(NamedTuple):
    """The sample format in the file's header."""

    bits: int = 16
    is_signed: bool = False
    is_inverted: bool = False
    """Whether 0 is white."""


def load_pixels(image: ImageFile.ImageFile, data: bytes) -> Image.Image:
    """Decode an image whose header has been read.

    Args:
        image: the image, not yet decoded.
        data: the bytes of its file.

    Returns:
        Its first frame in one of Pillow's 8-bit modes; transparency is in its mode or in `info`,
        as usual in Pillow.

    Raises:
        PhotoError: its samples can't be converted to 8 bits without guessing.
        Exception: whatever Pillow raises for damaged pixels.
    """
    samples = _samples(image)
    box = _frame_box(image, data)
    saved_mode = image.tile[0].args if image.tile else None
    has_key = image.format == "PNG" and "transparency" in image.info
    by_colour = has_key and saved_mode == "RGB;16B"
    low_bytes = (
        _match_low_bytes(image, data) if by_colour else None
    )  # before the pixels take memory
    image.load()
    picture: Image.Image = image
    if image.mode.startswith("I") or image.mode == "F":
        picture = _to_eight_bits(image, samples)
    elif ";16" in _raw_mode(saved_mode) and image.mode == "RGB" and not has_key:
        bands: Any = image.getextrema()  # a pair for each
        _require_light(max(brightest for _, brightest in bands))
    elif low_bytes is not None:
        _whiten_colour_key(image, low_bytes)
    elif has_key:
        _scale_key(image, saved_mode)
    return _clear_outside(picture, box)


def _strips(image: Image.Image) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield an image's pixels a few rows at a time, each with the number of its first row."""
    rows = max(STRIP // image.width, 1)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        yield top, np.asarray(strip)


def _raw_mode(arguments: Any) -> str:
    """Return the mode in the file, from the arguments of Pillow's decoder."""
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _require_light(brightest: int) -> None:
    """Refuse an opaque picture of 16 bits that would be black.

    Raises:
        PhotoError: the brightest sample, scaled to 8 bits, is below `DARKEST`.
    """
    if brightest < DARKEST:
        raise PhotoError(
            "its 16-bit samples fill 12 bits or fewer, so that it would be black: save it with "
            "8 bits, or scale them to 16"
        )


def _frame_box(image: ImageFile.ImageFile, data: bytes) -> tuple[int, int, int, int] | None:
    """Return what part of the picture its first frame covers; None if that is all of it."""
    if image.format in ("GIF", "PNG"):
        return image.tile[0].extents
    if image.format == "WEBP" and image.mode == "RGB":
        at = 12  # behind "RIFF", the size and "WEBP"
        while (kind := data[at : at + 4]) in WEBP_HEAD:
            at += 8 + (int.from_bytes(data[at + 4 : at + 8], "little") + 1 & ~1)
        if kind == b"ANMF":
            fields = (data[at + start : at + start + 3] for start in (8, 11, 14, 17))
            x, y, width, height = (int.from_bytes(field, "little") for field in fields)
            return (2 * x, 2 * y, 2 * x + width + 1, 2 * y + height + 1)
    return None


def _clear_outside(image: Image.Image, box: tuple[int, int, int, int] | None) -> Image.Image:
    """Make what is outside a box white, as what is transparent is; Pillow fills it somehow."""
    width, height = image.size
    if box is None or box == (0, 0, width, height):
        return image
    left, upper, right, lower = box
    if image.mode not in ("L", "RGB", "LA", "RGBA"):
        info = _colour_info(image)
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        image.info = info
    for outside in (
        (0, 0, width, upper),
        (0, lower, width, height),
        (0, upper, left, lower),
        (right, upper, width, lower),
    ):
        image.paste("white", outside)
    return image


def _colour_info(image: Image.Image) -> dict[str | tuple[int, int], Any]:
    """Return the entries of an image's `info` about its colours."""
    return {key: image.info[key] for key in ("icc_profile", "srgb", "gamma") if key in image.info}


def _samples(image: Any) -> Samples:
    """Read the sample format from the header, and refuse what Pillow would decode wrongly."""
    if image.format == "PNG" and image.mode == "P" and image.palette is None:
        raise PhotoError("a PNG with a palette of colours that isn't in the file")
    tags = getattr(image, "tag_v2", None)
    if tags is None:
        return Samples()
    bits = tags.get(BITS_PER_SAMPLE, (1,))[0]
    is_signed = tags.get(SAMPLE_FORMAT, (1,))[0] == SIGNED
    if is_signed and bits == 8:
        raise PhotoError("its 8-bit samples are signed, which leaves open what is black")
    if tags.get(PLANAR) == 2 and bits > 8 and image.tile[0].codec_name == "raw":
        raise PhotoError(f"a TIFF of {bits} bits in separate planes, uncompressed: not supported")
    if image.tile[0].codec_name == "libtiff":
        tile = image.tile[0]
        mode, *options = tile.args
        image.tile = [tile._replace(args=(NATIVE_MODES.get(mode, mode), *options))]
    colours = tags.get(COLOUR_MAP)
    if image.mode in ("P", "PA") and colours and max(colours) < 256:
        # The colours have 16 bits, but some programs write 8; libtiff checks for this too.
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))
    return Samples(bits, is_signed, tags.get(PHOTOMETRIC) == 0)


def _to_eight_bits(image: Image.Image, samples: Samples) -> Image.Image:
    """Scale deep greys to 8 bits; a transparent value becomes white."""
    if image.mode == "F":
        factor = _factor_of_floats(image)
    else:
        shift = _shift_of_integers(image, samples)
    key = image.info.get("transparency")
    picture = Image.new("L", image.size)
    lightest, is_black = 0, True
    for top, values in _strips(image):
        if image.mode == "F":
            grey = np.rint(values * factor).astype(np.uint8)
        else:
            grey = (values >> shift).astype(np.uint8)
        lightest, is_black = max(lightest, int(grey.max())), is_black and not values.any()
        if samples.is_inverted:
            np.subtract(255, grey, out=grey)
        if isinstance(key, int):
            grey[values == key] = 255
        picture.paste(Image.fromarray(grey), (0, top))
    may_be_dark = samples.bits == 16 and not samples.is_inverted and key is None
    if may_be_dark and not is_black:
        _require_light(lightest)
    picture.info = _colour_info(image)
    return picture


def _factor_of_floats(image: Image.Image) -> np.float32:
    """Return what floats have to be multiplied by to go up to 255."""
    low, high = np.inf, -np.inf
    for _, values in _strips(image):
        if not np.isfinite(values).all():
            raise PhotoError("its floating-point samples hold NaN or infinity")
        low, high = min(low, values.min()), max(high, values.max())
    if low < 0 or high > 255:
        raise PhotoError(
            f"its floating-point samples go from {low:.4g} to {high:.4g}: save it with 0 to 1 "
            "or 0 to 255"
        )
    return np.float32(255 if high <= 1 else 1)


def _shift_of_integers(image: Image.Image, samples: Samples) -> int:
    """Return by how many bits integers have to be shifted to fill 8.

    Up to 16 bits the header has their number. Programs also write images of 8 and 16 bits as
    signed or 32-bit integers without scaling them: then the brightest pixel decides, and if it
    doesn't, the image is refused.
    """
    if samples.bits <= 16 and not samples.is_signed:
        return samples.bits - 8
    low, high = 2**32, -(2**32)
    for _, values in _strips(image):
        if not samples.is_signed:
            values = values.astype(np.int32, copy=False).view(np.uint32)  # Pillow has no such mode
        low, high = min(low, int(values.min())), max(high, int(values.max()))
    full = samples.bits - samples.is_signed
    candidates = [depth for depth in (8, 16) if depth <= full]
    depth = next((depth for depth in candidates if high < 1 << depth), full)
    if low < 0 or (depth == full and high < 1 << (full - 1)):
        raise PhotoError(
            f"its {samples.bits}-bit samples go from {low} to {high}: save it with 8 or 16 bits"
        )
    return depth - 8


def _match_low_bytes(image: ImageFile.ImageFile, data: bytes) -> Image.Image:
    """Return where the low bytes of a PNG's 16-bit colours are those of its transparent colour.

    Pillow decodes the high byte of each sample; as little-endian samples it decodes the low one.
    """
    second = type(image)(png.drop_text(io.BytesIO(data)))
    second.tile = [tile._replace(args="RGB;16L") for tile in second.tile]
    key = np.array(image.info["transparency"], np.uint16) & 255
    mask = Image.new("L", image.size)
    for top, values in _strips(second):
        mask.paste(_match(values, key), (0, top))
    return mask


def _match(values: NDArray[Any], colour: NDArray[Any]) -> Image.Image:
    """Return a mask of the pixels that have a colour: 255 there, else 0."""
    equal = (values == colour.astype(np.uint8)).all(2)
    return Image.fromarray(equal.astype(np.uint8) * np.uint8(255))


def _whiten_colour_key(image: Image.Image, low_bytes: Image.Image) -> None:
    """Make a transparent 16-bit colour white; Pillow would compare it with 8-bit colours.

    Args:
        image: the decoded PNG, of the colours' high bytes.
        low_bytes: the mask of the pixels whose low bytes are those of the transparent colour.
    """
    key = np.array(image.info.pop("transparency"), np.uint16) >> 8
    for top, values in _strips(image):
        strip = (0, top, image.width, top + len(values))
        both = ImageChops.darker(_match(values, key), low_bytes.crop(strip))
        image.paste("white", strip, both)


def _scale_key(image: Image.Image, saved_mode: Any) -> None:
    """Scale the transparent value of a PNG as Pillow scaled its pixels."""
    key = image.info["transparency"]
    if isinstance(key, int) and image.mode == "L":
        image.info["transparency"] = key * PNG_STEPS.get(saved_mode, 1) & 255
    elif isinstance(key, tuple):
        image.info["transparency"] = tuple(value & 255 for value in key)
