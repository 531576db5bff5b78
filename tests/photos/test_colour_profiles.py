"""Colours are converted to sRGB by the profile in the file, and a broken profile is ignored."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from app.photos.decode import Resize, load_photo
from tests.support.icc_profiles import cmyk_profile, grey_profile, rgb_profile
from tests.support.image_files import png_file

EDGE = 24
RAMP = np.add.outer(np.arange(EDGE) * 5, np.arange(EDGE) * 5).astype(np.uint8)
COLOURS = np.stack([RAMP, 255 - RAMP, np.roll(RAMP, 9, axis=1)], axis=2)

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PRIMARIES = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
WIDE = rgb_profile(PRIMARIES)
LINEAR_GREY = grey_profile(gamma=1.0)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> NDArray[np.int16]:
    picked = load_photo(data, EDGE, Resize.NEAREST)
    np.testing.assert_array_equal(picked, load_photo(data, EDGE, Resize.ANTIALIAS))
    return picked.astype(np.int16)


def in_srgb(image: Image.Image, profile: bytes) -> NDArray[np.int16]:
    converted = ImageCms.profileToProfile(
        image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert converted is not None
    return np.asarray(converted, np.int16)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}), ("JPEG", {"quality": 100, "subsampling": 0}),
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}),
    ],
)  # fmt: skip
def test_a_wide_gamut_becomes_srgb(kind: str, options: dict[str, Any]) -> None:
    image = Image.fromarray(COLOURS)
    pixels = decoded(saved(image, kind, icc_profile=WIDE, **options))
    expected = in_srgb(image, WIDE)
    assert np.abs(expected - COLOURS).max() > 20
    assert np.abs(pixels - expected).mean() < 2


def test_colours_are_converted_before_they_are_laid_over_white() -> None:
    alpha = Image.new("L", (EDGE, EDGE), 128)
    image = Image.fromarray(COLOURS)
    expected = in_srgb(image, WIDE) * (128 / 255) + 127
    image.putalpha(alpha)
    assert np.abs(decoded(saved(image, "PNG", icc_profile=WIDE)) - expected).max() <= 2


def test_a_palette_has_a_profile_too() -> None:
    image = Image.fromarray(COLOURS).convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
    expected = in_srgb(image.convert("RGB"), WIDE)
    np.testing.assert_array_equal(decoded(saved(image, "PNG", icc_profile=WIDE)), expected)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_greys_have_profiles_too(mode: str) -> None:
    image = Image.fromarray(RAMP)
    expected = in_srgb(image, LINEAR_GREY)
    assert np.abs(expected[..., 0] - RAMP).max() > 50
    if mode == "I;16":
        image = Image.fromarray(RAMP.astype(np.uint16) * 257)
    data = saved(image.convert(mode), "PNG", icc_profile=LINEAR_GREY)
    np.testing.assert_array_equal(decoded(data), expected)


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_inks_have_profiles_too(kind: str) -> None:
    profile = cmyk_profile()
    image = Image.new("CMYK", (EDGE, EDGE), (200, 40, 90, 30))
    expected = in_srgb(image, profile)
    assert np.abs(expected - np.asarray(image.convert("RGB"), np.int16)).max() > 20
    pixels = decoded(saved(image, kind, icc_profile=profile))
    assert np.abs(pixels - expected).max() <= 3


@pytest.mark.parametrize(
    "profile",
    [
        SRGB,
        b"no profile",
        SRGB[:200],
        LINEAR_GREY,
        cmyk_profile(),
        b"\0" * 5_000_000,
        rgb_profile(PRIMARIES, gamma=250),
        rgb_profile(PRIMARIES, gamma=0.004),
    ],
    ids=["sRGB", "text", "cut off", "of greys", "of inks", "oversized", "all black", "all white"],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_profile_that_changes_nothing_or_fits_nothing_is_ignored(
    kind: str, profile: bytes
) -> None:
    image = Image.fromarray(COLOURS)
    np.testing.assert_array_equal(
        decoded(saved(image, kind, icc_profile=profile)), decoded(saved(image, kind))
    )


@pytest.mark.parametrize(
    ("chunks", "is_converted"),
    [
        ([(b"gAMA", struct.pack(">I", 100_000))], True),
        ([(b"gAMA", struct.pack(">I", 45_455))], False),
        ([(b"gAMA", struct.pack(">I", 0))], False),
        ([(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000))], False),
    ],
    ids=["linear", "of sRGB", "zero", "overruled"],
)
def test_a_png_of_linear_light(chunks: list[tuple[bytes, bytes]], is_converted: bool) -> None:
    data = png_file((EDGE, EDGE), 8, 0, [row.tobytes() for row in RAMP], chunks)
    linear = in_srgb(Image.fromarray(RAMP), LINEAR_GREY)
    expected = linear if is_converted else np.repeat(RAMP[..., None], 3, axis=2)
    # lcms interpolates between few levels where it is darkest.
    assert np.abs(decoded(data) - expected).max() <= (8 if is_converted else 0)


def test_inks_as_adobe_saves_them() -> None:
    """YCCK: inks as inverted colours with a key channel; Pillow can't write it."""
    image = Image.fromarray(COLOURS).resize((64, 64)).convert("CMYK")
    inks = np.asarray(image).copy()
    inks[..., 3] = 40
    # Saved as CMYK Pillow inverts all four; with the marker changed the first three are YCbCr.
    light = np.asarray(Image.fromarray(inks[..., :3]).convert("YCbCr"))
    stored = Image.fromarray(np.dstack([255 - light, inks[..., 3]]), "CMYK")
    data = bytearray(saved(stored, "JPEG", quality=100, subsampling=0))
    marker = data.index(b"Adobe")
    assert data[marker + 11] == 0
    data[marker + 11] = 2
    expected = np.asarray(Image.fromarray(inks, "CMYK").convert("RGB"), np.int16)
    pixels = load_photo(bytes(data), 64, Resize.NEAREST).astype(np.int16)
    assert np.abs(pixels - expected).mean() < 2
