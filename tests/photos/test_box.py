"""The part of a photo: how it is written, and which pixels it stands for."""

import io

import numpy as np
import pytest
from PIL import Image

from app.photos.box import Box
from app.photos.decode import Resize, load_photo


def quarters(size: tuple[int, int] = (120, 160)) -> Image.Image:
    """Red, lime, blue and yellow, each a quarter."""
    width, height = size
    image = Image.new("RGB", size, "red")
    image.paste("lime", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    image.paste("yellow", (width // 2, height // 2, width, height))
    return image


def encoded(image: Image.Image, kind: str, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, kind, exif=exif)
    return buffer.getvalue()


def test_a_box_is_four_fractions() -> None:
    assert Box.parse("0, 0.25,1,1e0") == (0, 0.25, 1, 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "four numbers"),
        ("0,0,1", "four numbers"),
        ("0,0,1,1,1", "four numbers"),
        ("left,top,right,bottom", "four numbers"),
        ("0;0;1;1", "four numbers"),
        ("0,0,1,nan", "from 0 to 1"),
        ("0,0,inf,1", "from 0 to 1"),
        ("-0.1,0,1,1", "from 0 to 1"),
        ("0,0,1,1.01", "from 0 to 1"),
        ("10,20,300,400", "from 0 to 1"),
        ("0.6,0,0.4,1", "x0 less than x1"),
        ("0,0.6,1,0.4", "y0 less than y1"),
        ("0.5,0,0.5,1", "with an area"),
    ],
)
def test_what_is_no_box_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Box.parse(text)


@pytest.mark.parametrize("box", ["0.3,0.3,0.300001,0.9", "0.9999,0.9999,1,1", "0,0,1e-300,1e-300"])
def test_the_thinnest_box_has_a_pixel(box: str) -> None:
    part = Box.parse(box).crop(quarters())
    assert part.width >= 1
    assert part.height >= 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("resize", list(Resize))
def test_only_the_box_is_seen(resize: Resize, kind: str) -> None:
    # Large enough that a JPEG is decoded at a smaller scale.
    data = encoded(quarters((1200, 1600)), kind)
    colours = {"0,0": "red", "0.5,0": "lime", "0,0.5": "blue", "0.5,0.5": "yellow"}
    for corner, colour in colours.items():
        x, y = map(float, corner.split(","))
        box = Box(x + 0.1, y + 0.1, x + 0.4, y + 0.4)
        seen = load_photo(data, 64, resize, box)[32, 32].astype(int)
        wanted = Image.new("RGB", (1, 1), colour).getpixel((0, 0))
        assert np.abs(seen - wanted).max() < 12, (corner, colour)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_box_counts_from_the_corner_of_the_upright_photo(kind: str) -> None:
    upright = quarters()
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), kind, orientation=6)
    seen = load_photo(turned, 32, Resize.ANTIALIAS, Box(0.6, 0.1, 0.9, 0.4))
    assert np.abs(seen.astype(int) - (0, 255, 0)).max() < 12


@pytest.mark.parametrize("resize", list(Resize))
@pytest.mark.parametrize("size", [(900, 1200), (61, 47)])
def test_the_box_of_a_whole_photo_changes_nothing(resize: Resize, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), "JPEG")
    np.testing.assert_array_equal(
        load_photo(data, 112, resize, Box(0, 0, 1, 1)), load_photo(data, 112, resize)
    )


def test_a_box_of_a_large_jpeg_is_as_sharp_as_its_own_photo() -> None:
    stripes = np.zeros((1600, 1600, 3), np.uint8)
    stripes[:, ::16] = stripes[:, 1::16] = stripes[:, 2::16] = stripes[:, 3::16] = 255
    image = Image.fromarray(stripes)
    part = image.crop((800, 800, 912, 912))
    seen = load_photo(encoded(image, "JPEG"), 112, Resize.ANTIALIAS, Box(0.5, 0.5, 0.57, 0.57))
    assert np.abs(seen.astype(int) - np.asarray(part).astype(int)).mean() < 10
