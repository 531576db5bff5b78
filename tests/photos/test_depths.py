"""A picture is the same picture in every depth and mode, or is refused with a reason."""

import io
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.photos.decode import Resize, load_photo
from app.photos.errors import PhotoError
from tests.support.image_files import png_file, tiff_file

EDGE = 32

RAMP = np.add.outer(np.arange(EDGE) * 4, np.arange(EDGE) * 4).astype(np.uint8)
"""Greys from 0 to 248, different in every corner."""

COLOURS = np.stack([RAMP, 255 - RAMP, np.roll(RAMP, 9, axis=1)], axis=2)

ALPHA = np.where(np.arange(EDGE)[:, None] < 12, 0, np.full((EDGE, EDGE), 255)).astype(np.uint8)
ALPHA[20:] = 96

Image16 = NDArray[np.uint16]

TiffFile = Callable[..., bytes]


@pytest.fixture(params=[False, True], ids=["raw", "deflated"])
def tiff(request: pytest.FixtureRequest) -> TiffFile:
    """What writes a TIFF; Pillow reads compressed ones by other code, libtiff's."""
    return partial(tiff_file, deflated=request.param)


def saved(image: Image.Image, kind: str = "TIFF", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(data: bytes) -> NDArray[np.int16]:
    """The picture by both ways: pixels picked before the conversion, and mixed after it."""
    picked = load_photo(data, EDGE, Resize.NEAREST)
    np.testing.assert_array_equal(picked, load_photo(data, EDGE, Resize.ANTIALIAS))
    return picked.astype(np.int16)


def compare(
    data: bytes, expected: NDArray[Any], tolerance: int = 0, may_be_refused: bool = False
) -> None:
    """A form that Pillow can't read may be refused; none becomes another picture."""
    try:
        picture = decoded(data)
    except PhotoError:
        assert may_be_refused
    else:
        assert np.abs(picture - expected).max() <= tolerance


def grey(values: NDArray[Any]) -> NDArray[np.int16]:
    return np.repeat(values[..., None], 3, axis=2).astype(np.int16)


def over_white(colours: NDArray[Any], alpha: NDArray[Any]) -> NDArray[np.float64]:
    share = (alpha / 255)[..., None]
    return colours * share + 255 * (1 - share)


def bits_of(values: NDArray[Any], depth: int) -> bytes:
    """Rows of samples of so many bits, each row filled up to a byte."""
    rows = []
    for row in values:
        bits = "".join(f"{value:0{depth}b}" for value in row)
        bits += "0" * (-len(bits) % 8)
        rows.append(bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)))
    return b"".join(rows)


def grey_png(values: NDArray[Any], depth: int, key: int | None = None) -> bytes:
    packed = bits_of(values, depth)
    width = len(packed) // EDGE
    before = [] if key is None else [(b"tRNS", struct.pack(">H", key))]
    rows = [packed[at : at + width] for at in range(0, len(packed), width)]
    return png_file((EDGE, EDGE), depth, 0, rows, before)


def grey_tiff(
    tiff: TiffFile,
    values: NDArray[Any],
    order: str = "<",
    photometric: int = 1,
    sample_format: int = 1,
) -> bytes:
    dtype = values.dtype.newbyteorder(order)  # type: ignore[arg-type]
    return tiff(
        (EDGE, EDGE),
        [values.astype(dtype).tobytes()],
        {258: [values.dtype.itemsize * 8], 262: [photometric], 277: [1], 339: [sample_format]},
        order,
    )


def deep(values: NDArray[np.uint8]) -> Image16:
    """The same in 16 bits, with second bytes of its own."""
    return values.astype(np.uint16) * 256 + 37


# Greys


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_png_of_any_depth(depth: int) -> None:
    values = RAMP >> (8 - depth) if depth < 8 else deep(RAMP) if depth == 16 else RAMP
    expected = RAMP if depth >= 8 else (values * (255 // (2**depth - 1))).astype(np.uint8)
    np.testing.assert_array_equal(decoded(grey_png(values, depth)), grey(expected))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey_of_any_depth_is_white(depth: int) -> None:
    values = RAMP >> (8 - depth) if depth < 8 else deep(RAMP) if depth == 16 else RAMP
    key = int(values[5, 5])
    expected = RAMP if depth >= 8 else (values * (255 // (2**depth - 1))).astype(np.uint8)
    expected = np.where(values == key, 255, expected)
    np.testing.assert_array_equal(decoded(grey_png(values, depth, key)), grey(expected))


def test_only_the_exact_grey_of_16_bits_is_transparent() -> None:
    values = deep(RAMP)
    key = int(values[5, 5]) + 1  # the same first byte
    np.testing.assert_array_equal(decoded(grey_png(values, 16, key)), grey(RAMP))


UNSCALED = RAMP.astype(np.uint16) * 16
"""12 bits in samples of 16: black, if their 16 bits are believed."""


def rows_of(samples: NDArray[Any]) -> list[bytes]:
    return [row.tobytes() for row in samples.astype(">u2")]


@pytest.mark.parametrize("values", [UNSCALED, RAMP.astype(np.uint16)], ids=["12 bits", "8 bits"])
def test_unscaled_samples_of_16_bits_are_refused(tiff: TiffFile, values: Image16) -> None:
    colours = np.dstack([values, values // 2, values])
    tags = {258: [16] * 3, 262: [2], 277: [3]}
    for data in (
        png_file((EDGE, EDGE), 16, 0, rows_of(values)),
        png_file((EDGE, EDGE), 16, 2, rows_of(colours)),
        grey_tiff(tiff, values),
        grey_tiff(tiff, values, ">"),
        tiff((EDGE, EDGE), [colours.tobytes()], tags),
    ):
        with pytest.raises(PhotoError, match="its 16-bit samples fill 12 bits or fewer"):
            decoded(data)


def test_what_may_be_black_in_16_bits_is_not_refused(tiff: TiffFile) -> None:
    black = np.zeros_like(UNSCALED)
    assert (decoded(grey_tiff(tiff, black)) == 0).all()
    assert (decoded(grey_tiff(tiff, UNSCALED, photometric=0)) >= 240).all()
    silhouette = np.dstack([black, ALPHA.astype(np.uint16) * 257])
    data = png_file((EDGE, EDGE), 16, 4, rows_of(silhouette))
    assert np.abs(decoded(data) - over_white(grey(black), ALPHA)).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_16_bit_grey_tiff(order: str, compression: str | None) -> None:
    if compression is None:
        data = grey_tiff(tiff_file, deep(RAMP), order)
    else:
        mode = "I;16" if order == "<" else "I;16B"
        values = deep(RAMP).astype("<u2" if order == "<" else ">u2")
        image = Image.frombytes(mode, (EDGE, EDGE), values.tobytes())
        data = saved(image, compression=compression)
    np.testing.assert_array_equal(decoded(data), grey(RAMP))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("photometric", [0, 1])
def test_shallow_grey_tiff_black_or_white_is_zero(
    tiff: TiffFile, depth: int, photometric: int
) -> None:
    values = RAMP >> (8 - depth)
    steps = 255 // (2**depth - 1)
    data = tiff((EDGE, EDGE), [bits_of(values, depth)], {258: [depth], 262: [photometric]})
    expected = (values * steps).astype(np.uint8)
    np.testing.assert_array_equal(decoded(data), grey(expected if photometric else 255 - expected))


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_tiff_where_white_is_zero(tiff: TiffFile, order: str) -> None:
    data = grey_tiff(tiff, ~deep(RAMP), order, photometric=0)
    compare(data, grey(RAMP), may_be_refused=order == ">")


def test_12_bit_grey_tiff(tiff: TiffFile) -> None:
    values = RAMP.astype(np.uint16) * 16 + 5
    data = tiff((EDGE, EDGE), [bits_of(values, 12)], {258: [12], 262: [1]})
    np.testing.assert_array_equal(decoded(data), grey(RAMP))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("top", [1, 255])
def test_floats(tiff: TiffFile, order: str, photometric: int, top: int) -> None:
    values = (RAMP / (255 / top)).astype(np.float32)
    data = grey_tiff(tiff, values, order, photometric, sample_format=3)
    np.testing.assert_array_equal(decoded(data), grey(RAMP if photometric else 255 - RAMP))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_floats_as_pillow_saves_them(compression: str) -> None:
    image = Image.fromarray((RAMP / 255).astype(np.float32))
    np.testing.assert_array_equal(decoded(saved(image, compression=compression)), grey(RAMP))


@pytest.mark.parametrize("outlier", [np.nan, np.inf, -0.5, 256, 65535])
def test_floats_of_no_clear_scale_are_refused(outlier: float) -> None:
    values = (RAMP / 255).astype(np.float32)
    values[3, 3] = outlier
    with pytest.raises(PhotoError, match="floating-point samples"):
        load_photo(saved(Image.fromarray(values)), EDGE, Resize.NEAREST)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32])
@pytest.mark.parametrize("scale", ["8 bits", "16 bits", "full"])
def test_signed_and_32_bit_integers(tiff: TiffFile, order: str, dtype: type, scale: str) -> None:
    width = np.dtype(dtype).itemsize * 8 - np.issubdtype(dtype, np.signedinteger)
    shift = {"8 bits": 0, "16 bits": min(8, width - 8), "full": width - 8}[scale]
    values: NDArray[Any] = (RAMP.astype(np.int64) << shift).astype(dtype)
    sample_format = 2 if np.issubdtype(dtype, np.signedinteger) else 1
    data = grey_tiff(tiff, values, order, sample_format=sample_format)
    compare(data, grey(RAMP), may_be_refused=dtype is np.uint32 and order == ">")


@pytest.mark.parametrize("scale", [1, 257, 1 << 23])
def test_32_bit_integers_as_pillow_saves_them(scale: int) -> None:
    image = Image.fromarray(RAMP.astype(np.int32) * scale)
    np.testing.assert_array_equal(decoded(saved(image)), grey(RAMP))


@pytest.mark.parametrize(
    "values",
    [
        RAMP.astype(np.int32) - 100,
        RAMP.astype(np.int32) << 10,
        RAMP.astype(np.int16) - 100,
        RAMP.astype(np.int16) << 3,
        (RAMP.astype(np.int16) - 128).astype(np.int8),
    ],
    ids=["negative 32", "18 of 32", "negative 16", "11 of 16", "signed 8"],
)
def test_integers_of_no_clear_scale_are_refused(tiff: TiffFile, values: NDArray[Any]) -> None:
    with pytest.raises(PhotoError, match=r"samples (go from|are signed)"):
        load_photo(grey_tiff(tiff, values, sample_format=2), EDGE, Resize.NEAREST)


# Colours


def colour_rows(samples: NDArray[Any]) -> list[bytes]:
    return [row.astype(samples.dtype.newbyteorder(">")).tobytes() for row in samples]


@pytest.mark.parametrize("deep_samples", [False, True])
@pytest.mark.parametrize(
    ("colour_type", "channels"), [(2, "RGB"), (4, "LA"), (6, "RGBA")], ids=["RGB", "LA", "RGBA"]
)
def test_colour_png(colour_type: int, channels: str, deep_samples: bool) -> None:
    colours = COLOURS if "RGB" in channels else RAMP[..., None]
    samples = np.dstack([colours, ALPHA]) if "A" in channels else colours
    given = deep(samples) if deep_samples else samples
    data = png_file((EDGE, EDGE), 16 if deep_samples else 8, colour_type, colour_rows(given))
    expected = over_white(colours, ALPHA) if "A" in channels else colours
    assert np.abs(decoded(data) - expected).max() <= 1


@pytest.mark.parametrize("depth", [8, 16])
def test_a_transparent_colour_of_a_png(depth: int) -> None:
    samples = deep(COLOURS) if depth == 16 else COLOURS
    samples[20:24, 20:24] = samples[7, 9]
    key = samples[7, 9].astype(np.uint16)
    clear = (samples == key).all(2)
    samples[9, 9] = key + (depth == 16)  # the same first bytes
    transparency = (b"tRNS", key.astype(">u2").tobytes())
    data = png_file((EDGE, EDGE), depth, 2, colour_rows(samples), [transparency])
    clear[9, 9] = depth == 8
    eight = (samples >> 8) if depth == 16 else samples
    expected = np.where(clear[..., None], 255, eight)
    np.testing.assert_array_equal(decoded(data), expected)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("alphas", [b"", b"\xff\0", b"\x40\x80"])
def test_a_palette_of_any_size_with_and_without_transparency(depth: int, alphas: bytes) -> None:
    colours = COLOURS.reshape(-1, 3)[:: EDGE * EDGE // 2**depth][: 2**depth]
    indices = np.arange(EDGE * EDGE).reshape(EDGE, EDGE) % 2**depth
    packed = bits_of(indices, depth)
    width = len(packed) // EDGE
    rows = [packed[at : at + width] for at in range(0, len(packed), width)]
    before = [(b"PLTE", colours.tobytes()), *([(b"tRNS", alphas)] if alphas else [])]
    alpha = np.full(2**depth, 255)
    alpha[: len(alphas)] = list(alphas)
    expected = over_white(colours[indices], alpha[indices])
    data = png_file((EDGE, EDGE), depth, 3, rows, before)
    assert np.abs(decoded(data) - expected).max() <= 1


def test_a_png_without_its_palette_is_refused() -> None:
    with pytest.raises(PhotoError):
        load_photo(png_file((EDGE, EDGE), 8, 3, colour_rows(RAMP)), EDGE, Resize.NEAREST)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("extra", [None, 0, 1, 2], ids=["RGB", "RGBX", "associated", "RGBA"])
@pytest.mark.parametrize("deep_samples", [False, True])
def test_colour_tiff(
    tiff: TiffFile, order: str, planar: int, extra: int | None, deep_samples: bool
) -> None:
    alpha = np.maximum(ALPHA, 1) if extra == 1 else ALPHA
    colours = COLOURS
    if extra == 1:
        colours = np.rint(COLOURS * (alpha / 255)[..., None]).astype(np.uint8)
    samples = colours if extra is None else np.dstack([colours, alpha])
    dtype = np.dtype(np.uint16 if deep_samples else np.uint8).newbyteorder(order)  # type: ignore[arg-type]
    given = (samples.astype(np.uint32) * (257 if deep_samples else 1)).astype(dtype)
    planes = [given] if planar == 1 else [given[..., at] for at in range(given.shape[2])]
    count = samples.shape[2]
    tags = {258: [16 if deep_samples else 8] * count, 262: [2], 277: [count], 284: [planar]}
    if extra is not None:
        tags[338] = [extra]
    data = tiff((EDGE, EDGE), [plane.tobytes() for plane in planes], tags, order)
    expected = COLOURS if extra in (None, 0) else over_white(COLOURS, alpha)
    compare(data, expected, tolerance=2, may_be_refused=planar == 2)


@pytest.mark.parametrize("extra", [0, 1, 2], ids=["LX", "associated", "LA"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_tiff_with_a_second_channel(tiff: TiffFile, extra: int, dtype: type) -> None:
    alpha = np.maximum(ALPHA, 1)
    values = np.rint(RAMP * (alpha / 255)).astype(np.uint8) if extra == 1 else RAMP
    scale = 257 if dtype is np.uint16 else 1
    samples: NDArray[Any] = (np.dstack([values, alpha]).astype(np.uint32) * scale).astype(dtype)
    depth = samples.dtype.itemsize * 8
    tags = {258: [depth, depth], 262: [1], 277: [2], 338: [extra]}
    data = tiff((EDGE, EDGE), [samples.tobytes()], tags)
    expected = grey(RAMP) if extra == 0 else over_white(grey(RAMP), alpha)
    compare(data, expected, tolerance=2, may_be_refused=dtype is np.uint16)


@pytest.mark.parametrize("levels", [256, 65536])
@pytest.mark.parametrize("depth", [1, 4, 8])
def test_palette_tiff(tiff: TiffFile, depth: int, levels: int) -> None:
    """Its palette has 16 bits, but some programs write 8."""
    colours = COLOURS.reshape(-1, 3)[:: EDGE * EDGE // 2**depth][: 2**depth]
    indices = np.arange(EDGE * EDGE).reshape(EDGE, EDGE) % 2**depth
    table = colours.T.astype(np.uint32).ravel() * (levels // 256)
    tags = {258: [depth], 262: [3], 320: table.tolist()}
    data = tiff((EDGE, EDGE), [bits_of(indices, depth)], tags)
    np.testing.assert_array_equal(decoded(data), colours[indices])


def test_palette_tiff_with_alpha(tiff: TiffFile) -> None:
    colours = COLOURS.reshape(-1, 3)[::4]
    indices = np.arange(EDGE * EDGE).reshape(EDGE, EDGE) % 256
    tags = {258: [8, 8], 262: [3], 277: [2], 338: [2]}
    tags[320] = (colours.T.astype(np.uint32).ravel() * 257).tolist()
    data = tiff((EDGE, EDGE), [np.dstack([indices, ALPHA]).astype(np.uint8).tobytes()], tags)
    assert np.abs(decoded(data) - over_white(colours[indices], ALPHA)).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "LA", "PA"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_every_mode_that_pillow_saves_as_tiff(mode: str, compression: str) -> None:
    image = Image.fromarray(COLOURS)
    if mode == "LAB":
        image = Image.new("RGB", (EDGE, EDGE), (200, 120, 40))
        image.paste((40, 120, 200), (0, 0, EDGE, 9))
    if mode == "PA":
        image = image.convert("P")
    stored = image.convert(mode)
    twin = stored.convert("L" if mode in ("1", "LA") else "RGB").convert("RGB")
    if mode == "YCbCr" and compression != "raw":
        pytest.skip("Pillow does not save it")
    data = saved(stored, compression=compression)
    compare(data, np.asarray(twin, np.int16), tolerance=3)


@pytest.mark.parametrize("depth", [8, 16])
def test_cmyk_tiff(tiff: TiffFile, depth: int) -> None:
    ink = np.dstack([255 - COLOURS, np.zeros_like(RAMP)])
    samples = ink.astype(np.uint16) * 257 if depth == 16 else ink
    tags = {258: [depth] * 4, 262: [5], 277: [4]}
    data = tiff((EDGE, EDGE), [samples.tobytes()], tags)
    np.testing.assert_array_equal(decoded(data), COLOURS)
