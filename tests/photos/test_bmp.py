"""BMP files in the forms that programs write them in."""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.photos.decode import Resize, load_photo
from tests.support.image_files import bmp_file

EDGE = 32
RAMP = np.add.outer(np.arange(EDGE) * 4, np.arange(EDGE) * 4).astype(np.uint8)
COLOURS = np.stack([RAMP, 255 - RAMP, np.roll(RAMP, 9, axis=1)], axis=2)


def decoded(data: bytes) -> NDArray[np.int16]:
    return load_photo(data, EDGE, Resize.NEAREST).astype(np.int16)


@pytest.mark.parametrize("black_first", [False, True])
@pytest.mark.parametrize("top_down", [False, True])
def test_two_colours_are_those_of_the_palette(black_first: bool, top_down: bool) -> None:
    levels = (0, 255) if black_first else (255, 0)
    palette = b"".join(bytes((level, level, level, 0)) for level in levels)
    bits = RAMP > 120
    rows = [np.packbits(row).tobytes() for row in bits]
    data = bmp_file((EDGE, EDGE), 1, rows, palette, top_down=top_down)
    expected = np.where(bits, levels[1], levels[0])
    np.testing.assert_array_equal(decoded(data), np.repeat(expected[..., None], 3, axis=2))


def test_greys_from_white_to_black() -> None:
    palette = b"".join(bytes((255 - level, 255 - level, 255 - level, 0)) for level in range(256))
    data = bmp_file((EDGE, EDGE), 8, [row.tobytes() for row in RAMP], palette)
    expected = np.repeat(255 - RAMP.astype(np.int16)[..., None], 3, axis=2)
    np.testing.assert_array_equal(decoded(data), expected)


@pytest.mark.parametrize(
    "masks", [(0x7C00, 0x3E0, 0x1F, 0), (0xF800, 0x7E0, 0x1F, 0)], ids=["555", "565"]
)
def test_16_bits(masks: tuple[int, ...]) -> None:
    green_bits = 6 if masks[1] == 0x7E0 else 5
    red, green, blue = COLOURS.astype(np.uint16).transpose(2, 0, 1)
    packed = red >> 3 << (5 + green_bits) | green >> (8 - green_bits) << 5 | blue >> 3
    data = bmp_file((EDGE, EDGE), 16, [row.astype("<u2").tobytes() for row in packed], b"", masks)
    assert np.abs(decoded(data) - COLOURS).max() <= 8


def test_the_fourth_byte_of_a_plain_bmp_is_no_alpha() -> None:
    samples = np.dstack([COLOURS[..., ::-1], np.zeros_like(RAMP)])
    data = bmp_file((EDGE, EDGE), 32, [row.tobytes() for row in samples])
    np.testing.assert_array_equal(decoded(data), COLOURS)


def test_alpha_with_a_mask_of_its_own_lies_over_white() -> None:
    alpha = np.where(np.arange(EDGE) < 9, 0, np.full((EDGE, EDGE), 255)).astype(np.uint8)
    samples = np.dstack([COLOURS[..., ::-1], alpha])
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    data = bmp_file((EDGE, EDGE), 32, [row.tobytes() for row in samples], b"", masks)
    np.testing.assert_array_equal(decoded(data), np.where(alpha[..., None] == 0, 255, COLOURS))
