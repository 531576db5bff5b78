"""Bit depths: images of 16 and 32 bits, floats, inverted greys and partial first frames to 8 bits.

Pillow's own conversion to 8 bits clips, so that a deep image turns black or white. Here it is
scaled by the sample format in the file's header, or refused.
"""

import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImagePalette

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
    image.load()
    has_key = "transparency" in image.info
    picture: Image.Image = image
    if image.mode.startswith("I") or image.mode == "F":
        picture = _to_eight_bits(image, samples)
    elif ";16" in _raw_mode(saved_mode) and image.mode == "RGB" and not has_key:
        _require_light(int(np.asarray(image).max()))
    elif image.format == "PNG" and has_key:
        if saved_mode == "RGB;16B":
            _apply_colour_key(image, type(image)(png.drop_text(io.BytesIO(data))))
        else:
            _scale_key(image, saved_mode)
    return _clear_outside(picture, box)


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
    """Make what is outside a box transparent; Pillow fills it with some colour."""
    if box is None or box == (0, 0, *image.size):
        return image
    layer = Image.new("RGBA", image.size, (255, 255, 255, 0))
    layer.paste(image.convert("RGBA").crop(box), box)
    layer.info = _colour_info(image)
    return layer


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
    """Scale deep greys to 8 bits; a transparent value becomes an alpha channel."""
    values = np.asarray(image)
    grey = _scaled_floats(values) if image.mode == "F" else _scaled_integers(values, samples)
    may_be_dark = (
        samples.bits == 16 and not samples.is_inverted and "transparency" not in image.info
    )
    if may_be_dark and values.any():
        _require_light(int(grey.max()))
    if samples.is_inverted:
        np.subtract(255, grey, out=grey)
    picture = Image.fromarray(grey)
    key = image.info.get("transparency")
    if isinstance(key, int):
        picture.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    picture.info = _colour_info(image)
    return picture


def _scaled_floats(values: NDArray[Any]) -> NDArray[np.uint8]:
    if not np.isfinite(values).all():
        raise PhotoError("its floating-point samples hold NaN or infinity")
    low, high = values.min(), values.max()
    if low < 0 or high > 255:
        raise PhotoError(
            f"its floating-point samples go from {low:.4g} to {high:.4g}: save it with 0 to 1 "
            "or 0 to 255"
        )
    scaled = values * np.float32(255 if high <= 1 else 1)
    return np.rint(scaled, out=scaled).astype(np.uint8)


def _scaled_integers(values: NDArray[Any], samples: Samples) -> NDArray[np.uint8]:
    """Scale integers to 8 bits by the number of bits that they fill.

    Up to 16 bits the header has their number. Programs also write images of 8 and 16 bits as
    signed or 32-bit integers without scaling them: then the brightest pixel decides, and if it
    doesn't, the image is refused.
    """
    if samples.bits <= 16 and not samples.is_signed:
        return (values >> (samples.bits - 8)).astype(np.uint8)
    if not samples.is_signed:
        values = values.astype(np.int32, copy=False).view(np.uint32)  # Pillow has no unsigned mode
    low, high = int(values.min()), int(values.max())
    full = samples.bits - samples.is_signed
    candidates = [depth for depth in (8, 16) if depth <= full]
    depth = next((depth for depth in candidates if high < 1 << depth), full)
    if low < 0 or (depth == full and high < 1 << (full - 1)):
        raise PhotoError(
            f"its {samples.bits}-bit samples go from {low} to {high}: save it with 8 or 16 bits"
        )
    return (values >> (depth - 8)).astype(np.uint8)


def _apply_colour_key(image: Image.Image, second: ImageFile.ImageFile) -> None:
    """Make a 16-bit colour transparent; Pillow would compare it with 8-bit colours.

    Args:
        image: the decoded PNG.
        second: the same file, not yet decoded.
    """
    key = np.array(image.info.pop("transparency"), np.uint16)
    # Pillow takes the first byte of each sample; as little-endian samples it takes the second.
    second.tile = [tile._replace(args="RGB;16L") for tile in second.tile]
    second.load()
    clear = (np.asarray(image) == key >> 8).all(2) & (np.asarray(second) == key & 255).all(2)
    image.putalpha(Image.fromarray(np.where(clear, 0, 255).astype(np.uint8)))


def _scale_key(image: Image.Image, saved_mode: Any) -> None:
    """Scale the transparent value of a PNG as Pillow scaled its pixels."""
    key = image.info["transparency"]
    if isinstance(key, int) and image.mode == "L":
        image.info["transparency"] = key * PNG_STEPS.get(saved_mode, 1) & 255
    elif isinstance(key, tuple):
        image.info["transparency"] = tuple(value & 255 for value in key)
