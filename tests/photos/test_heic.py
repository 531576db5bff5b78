"""HEIC, as phones take it, through the same guards as the other formats."""

import io
import struct
from typing import Any

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.photos.decode import Resize, load_photo, open_photo
from app.photos.errors import NotAPhotoError, PhotoError
from tests.support.icc_profiles import rgb_profile

SIZE = (128, 160)
EDGE = 64
WIDE = rgb_profile(primaries=((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)))


@pytest.fixture
def picture() -> Image.Image:
    """Four coloured quarters: every rotation of it is another picture."""
    image = Image.new("RGB", SIZE, "red")
    image.paste("lime", (64, 0, 128, 80))
    image.paste("blue", (0, 80, 64, 160))
    image.paste("yellow", (64, 80, 128, 160))
    return image


def heic(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, **{"quality": 95, "chroma": 444, **options})
    return buffer.getvalue()


def decoded(data: bytes, resize: Resize = Resize.ANTIALIAS) -> NDArray[np.int16]:
    return load_photo(data, EDGE, resize).astype(np.int16)


def squashed(image: Image.Image) -> NDArray[np.int16]:
    small = image.convert("RGB").resize((EDGE, EDGE), Image.Resampling.BILINEAR)
    return np.asarray(small, np.int16)


def claiming(data: bytes, width: int, height: int) -> bytes:
    """The file with another size in its header, of the photo alone."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "I;16"])
def test_any_mode_gives_the_picture(picture: Image.Image, mode: str) -> None:
    if mode == "I;16":
        picture = picture.convert("L")
        deep = np.asarray(picture).astype(np.uint16) * 257
        data = heic(Image.fromarray(deep))
    else:
        picture = picture.convert(mode)
        data = heic(picture)
    assert np.abs(decoded(data) - squashed(picture)).mean() < 4


@pytest.mark.parametrize("resize", list(Resize))
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_once(picture: Image.Image, orientation: int, resize: Resize) -> None:
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    turned = picture
    if orientation > 1:
        turned = picture.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = heic(turned, exif=exif.tobytes())
    upright = load_photo(heic(picture), EDGE, resize).astype(np.int16)
    assert np.abs(decoded(data, resize) - upright).mean() < 4
    assert open_photo(io.BytesIO(data)).size == SIZE


def test_transparency_lies_over_white() -> None:
    half = Image.new("RGBA", SIZE, (255, 0, 0, 128))
    assert np.abs(decoded(heic(half)) - (255, 127, 127)).max() < 6


def test_a_wide_gamut_becomes_srgb() -> None:
    image = Image.new("RGB", SIZE, (60, 180, 90))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", icc_profile=WIDE)
    expected = decoded(buffer.getvalue())
    assert np.abs(expected - squashed(image)).max() > 20
    assert np.abs(decoded(heic(image, icc_profile=WIDE)) - expected).max() < 6


def test_the_thumbnail_inside_is_not_taken_for_the_photo() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (80, 64, 3), dtype=np.uint8)
    image = Image.fromarray(noise.repeat(8, 0).repeat(8, 1))
    plain, with_thumbnail = heic(image), heic(image, thumbnails=[256])
    assert len(with_thumbnail) > len(plain)
    np.testing.assert_array_equal(decoded(with_thumbnail), decoded(plain))


def test_some_programs_call_it_a_mif1(picture: Image.Image) -> None:
    data = heic(picture)
    assert data[8:12] in (b"heic", b"heix")
    np.testing.assert_array_equal(decoded(data[:8] + b"mif1" + data[12:]), decoded(data))


def test_a_large_one_is_refused_from_its_header(picture: Image.Image) -> None:
    with pytest.raises(PhotoError, match="9000 x 9000 pixels are more than the 50,000,000"):
        load_photo(claiming(heic(picture), 9000, 9000), EDGE, Resize.ANTIALIAS)


def test_a_header_that_lies_about_the_size_buys_no_memory() -> None:
    data = heic(Image.new("RGB", (1600, 1600), "red"), quality=10)
    with pytest.raises(PhotoError, match="can't be decoded"):
        load_photo(claiming(data, 16, 16), EDGE, Resize.ANTIALIAS)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_one_is_refused(part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    data = heic(Image.fromarray(noise))
    with pytest.raises(PhotoError, match=r"can't be decoded|unreadable") as refused:
        load_photo(data[: int(part * len(data))], EDGE, Resize.ANTIALIAS)
    assert not isinstance(refused.value, NotAPhotoError)


def test_damage_costs_no_more_than_the_photo() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    whole = heic(Image.fromarray(noise), quality=50)
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for at in random.integers(0, len(whole), random.integers(1, 8)):
            damaged[at] = random.integers(256)
        try:
            assert load_photo(bytes(damaged), EDGE, Resize.ANTIALIAS).shape == (EDGE, EDGE, 3)
        except PhotoError:
            refused += 1
    assert refused > 10


def test_pillow_itself_learns_no_new_format() -> None:
    assert "HEIF" not in Image.OPEN
