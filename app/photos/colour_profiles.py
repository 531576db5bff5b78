"""Colour profiles: converting a file's colours to sRGB.

ICC profiles are converted, and the `gAMA` chunk of a PNG. Treated as sRGB without conversion: a
broken profile or one for another colour space than that of the pixels, AdobeRGB that only EXIF
mentions, the primaries of a PNG's `cHRM` chunk, code points (CICP) for wide gamut or HDR in PNG,
AVIF and HEIC, and the profile of a BMP.
"""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}
"""Pillow's modes → the names of their colour spaces in ICC profiles."""

MAX_BYTES = 4 << 20
"""Size above which a profile is ignored; profiles of printing presses have up to 3 MB."""

GREYS = {
    "RGB": bytes([0, 0, 0, 128, 128, 128, 255, 255, 255]),
    "L": bytes([0, 128, 255]),
    "CMYK": bytes([0, 0, 0, 255, 0, 0, 0, 128, 0, 0, 0, 0]),
}
"""Black, grey and white in Pillow's modes: three pixels."""

INVISIBLE = 2
"""Difference of 8-bit levels up to which a profile counts as sRGB itself."""

SRGB_GAMMA = 1 / 2.2


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert an image to sRGB by the profile in its `info`.

    Args:
        image: of mode `RGB`, `L` or `CMYK`.

    Returns:
        The image in mode `RGB`; without a usable profile, converted by Pillow's own formulas.
    """
    profile = image.info.get("icc_profile")
    if profile and len(profile) <= MAX_BYTES:
        transform = _transform(bytes(profile), image.mode)
        if transform is not None:
            return transform.apply(image)
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    if not profile and "srgb" not in image.info and "gamma" in image.info:
        return _without_gamma(rgb, image.info["gamma"])
    return rgb


@lru_cache(maxsize=16)  # a catalog's photos share a few profiles, and building takes milliseconds
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the transform to sRGB; None if there is none, or it would change nothing."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space != SPACES[mode]:
            return None
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    if not _is_plausible(transform, mode):
        return None
    return transform if mode == "CMYK" or _changes_colours(transform, mode) else None


def _is_plausible(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Return whether black, grey and white stay apart; damaged curves make everything black."""
    sample = Image.frombytes(mode, (3, 1), GREYS[mode])
    black, grey, white = np.asarray(transform.apply(sample), np.float64).mean(axis=2)[0]
    return bool(black + 16 < grey < white - 16)


def _changes_colours(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Return whether a transform changes colours visibly, on all greys or an even grid of RGB."""
    levels = np.linspace(0, 255, 256 if mode == "L" else 17).round().astype(np.uint8)
    grid = levels[None] if mode == "L" else np.stack(np.meshgrid(levels, levels, levels), -1)
    sample = Image.fromarray(grid.reshape(1, -1) if mode == "L" else grid.reshape(1, -1, 3))
    before = np.asarray(sample.convert("RGB"), np.int16)
    after = np.asarray(transform.apply(sample), np.int16)
    return bool(np.abs(after - before).max() > INVISIBLE)


def _without_gamma(image: Image.Image, gamma: float) -> Image.Image:
    """Convert RGB whose samples are light to the power of `gamma` (1: linear) to sRGB's curve."""
    if not 0.1 < gamma < 3 or abs(gamma - SRGB_GAMMA) < 0.02:
        return image
    light = (np.arange(256) / 255) ** (1 / gamma)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return image.point([round(255 * level) for level in curve] * 3)
