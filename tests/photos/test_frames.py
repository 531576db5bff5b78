"""Of an animation the first frame is taken, also where it covers only a part of the picture."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.photos.decode import Resize, load_photo
from tests.support.image_files import png_file

SIZE = (40, 30)
BOX = (8, 6, 24, 20)
RED = (255, 0, 0)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def expected() -> NDArray[np.uint8]:
    picture = Image.new("RGB", SIZE, "white")
    picture.paste(RED, BOX)
    return squashed(picture)


def squashed(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.resize((60, 60), Image.Resampling.NEAREST))


def partial_gif(transparent: bool) -> bytes:
    """A red frame smaller than its screen; so is the colour that Pillow fills the screen with."""
    left, top, right, bottom = BOX
    frame = saved(Image.new("P", (right - left, bottom - top)), "GIF")
    pixels = frame[frame.index(b"\x2c") + 10 :]
    palette = bytes((*RED, 0, 0, 255, *[0] * 6))
    screen = struct.pack("<6sHHBBB", b"GIF89a", *SIZE, 0x80 | 1, 1, 0)
    control = b"\x21\xf9\x04\x01\0\0\x03\0" if transparent else b""
    where = struct.pack("<BHHHHB", 0x2C, left, top, right - left, bottom - top, 0)
    return screen + palette + control + where + pixels


@pytest.mark.parametrize("transparent", [False, True])
def test_around_a_partial_frame_of_a_gif_is_white(transparent: bool) -> None:
    np.testing.assert_array_equal(
        load_photo(partial_gif(transparent), 60, Resize.NEAREST), expected()
    )


@pytest.mark.parametrize("has_alpha", [False, True])
def test_around_a_partial_frame_of_a_webp_is_white(has_alpha: bool) -> None:
    left, top, right, bottom = BOX
    width, height = right - left, bottom - top
    picture = Image.new("RGBA" if has_alpha else "RGB", (width, height), RED)
    still = saved(picture, "WEBP", lossless=True, exact=True)
    frame = still[still.index(b"VP8L") :]
    flags = 0x02 | (0x10 if has_alpha else 0)

    def three(value: int) -> bytes:
        return value.to_bytes(3, "little")

    def riff(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

    where = three(left // 2) + three(top // 2) + three(width - 1) + three(height - 1)
    frame_chunk = riff(b"ANMF", where + three(100) + b"\x02" + frame)
    extended = bytes((flags, 0, 0, 0)) + three(SIZE[0] - 1) + three(SIZE[1] - 1)
    body = riff(b"VP8X", extended) + riff(b"ANIM", bytes(6)) + frame_chunk * 2
    data = riff(b"RIFF", b"WEBP" + body)
    np.testing.assert_array_equal(load_photo(data, 60, Resize.NEAREST), expected())


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_the_first_of_several_frames_is_taken(kind: str) -> None:
    first, second = Image.new("RGB", SIZE, RED), Image.new("RGB", SIZE, "blue")
    first.paste("white", (0, 0, 20, 30))
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(first, kind, save_all=True, append_images=[second], **options)
    pixels = load_photo(data, 60, Resize.NEAREST).astype(int)
    assert np.abs(pixels - squashed(first)).mean() < 3


@pytest.mark.parametrize("colour_type", [2, 6])
def test_a_default_image_of_a_png_comes_before_its_animation(colour_type: int) -> None:
    pixel = bytes(RED) + (b"\xff" if colour_type == 6 else b"")
    control = struct.pack(">IIIIIHHBB", 0, 4, 4, 2, 2, 1, 10, 0, 0)
    frame = struct.pack(">I", 1) + b"nothing that inflates"
    data = png_file(
        SIZE, 8, colour_type, [pixel * SIZE[0]] * SIZE[1],
        [(b"acTL", struct.pack(">II", 1, 0))], [(b"fcTL", control), (b"fdAT", frame)],
    )  # fmt: skip
    assert (load_photo(data, 8, Resize.NEAREST) == RED).all()


@pytest.mark.parametrize("colour_type", [2, 6])
def test_around_a_partial_first_frame_of_a_png_is_white(colour_type: int) -> None:
    left, top, right, bottom = BOX
    width, height = right - left, bottom - top
    pixel = bytes(RED) + (b"\xff" if colour_type == 6 else b"")
    control = struct.pack(">IIIIIHHBB", 0, width, height, left, top, 1, 10, 0, 0)
    before = [(b"acTL", struct.pack(">II", 1, 0)), (b"fcTL", control)]
    data = png_file(SIZE, 8, colour_type, [pixel * width] * height, before)
    np.testing.assert_array_equal(load_photo(data, 60, Resize.NEAREST), expected())
