"""Any image file becomes the same pixels, and what is no photo is refused with a reason."""

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from app.photos.decode import Resize, load_photo
from app.photos.errors import NotAPhotoError, PhotoError
from tests.support.image_files import chunk, tiff_file


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def picture() -> Image.Image:
    """Four coloured quarters: every rotation of it is another picture."""
    image = Image.new("RGB", (120, 160), "red")
    image.paste("lime", (60, 0, 120, 80))
    image.paste("blue", (0, 80, 60, 160))
    image.paste("yellow", (60, 80, 120, 160))
    return image


def test_nearest_is_what_keras_load_img_does(picture: Image.Image) -> None:
    squashed = picture.resize((224, 224), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(
        load_photo(encoded(picture), 224, Resize.NEAREST), np.asarray(squashed)
    )


def test_letterbox_keeps_proportions_on_white(picture: Image.Image) -> None:
    pixels = load_photo(encoded(picture), 64, Resize.LETTERBOX)
    assert pixels.shape == (64, 64, 3)
    assert (pixels[:, :8] == 255).all()
    assert (pixels[:, -8:] == 255).all()
    assert pixels[5, 12].tolist() == [255, 0, 0]


@pytest.mark.parametrize("size", [(112, 112), (224, 224), (900, 1200), (30, 700)])
def test_scaled_decoding_of_jpeg_changes_little(size: tuple[int, int]) -> None:
    gradient = np.linspace(0, 255, size[0] * size[1] * 3).reshape(size[1], size[0], 3)
    image = Image.fromarray(gradient.astype(np.uint8))
    scaled = load_photo(encoded(image, "JPEG", quality=95), 112, Resize.LETTERBOX)
    whole = ImageOps.pad(image, (112, 112), Image.Resampling.BILINEAR, color="white")
    assert np.abs(scaled.astype(int) - np.asarray(whole).astype(int)).mean() < 3


def test_antialias_squashes_to_the_mean_of_what_a_pixel_stands_for(picture: Image.Image) -> None:
    stripes = np.zeros((1200, 900, 3), np.uint8)
    stripes[::2] = 255  # nearest-neighbour sampling sees one colour of the two
    pixels = load_photo(encoded(Image.fromarray(stripes)), 100, Resize.ANTIALIAS)
    assert pixels.shape == (100, 100, 3)
    assert (np.abs(pixels.astype(int) - 127) < 8).all()
    squashed = picture.resize((224, 224), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(
        load_photo(encoded(picture), 224, Resize.ANTIALIAS), np.asarray(squashed)
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(picture: Image.Image, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = encoded(picture, "PNG", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(turned)))
    np.testing.assert_array_equal(
        load_photo(turned, 80, Resize.NEAREST),
        np.asarray(upright.resize((80, 80), Image.Resampling.NEAREST)),
    )


XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("exif", [None, 1, 3, b"Exif\0\0no such thing"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_only_exif_turns_a_photo(picture: Image.Image, kind: str, exif: int | bytes | None) -> None:
    options: dict[str, Any] = {"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}
    if isinstance(exif, bytes):
        if kind in ("TIFF", "AVIF"):
            pytest.skip("Pillow does not save it")
        options["exif"] = exif
    elif exif is not None:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = exif
    if kind == "TIFF":
        options["tiffinfo"] = {700: XMP, **({0x0112: exif} if isinstance(exif, int) else {})}
        options.pop("exif", None)
    elif kind == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    else:
        options["xmp"] = XMP
    upright = picture.transpose(Image.Transpose.ROTATE_180) if exif == 3 else picture
    pixels = load_photo(encoded(picture, kind, **options), 64, Resize.NEAREST).astype(int)
    expected = np.asarray(upright.resize((64, 64), Image.Resampling.NEAREST))
    assert np.abs(pixels - expected).mean() < 6


def test_exif_as_imagemagick_keeps_it(picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    content = exif.tobytes()
    text = f"\nexif\n{len(content):8}\n{content.hex()}\n"
    for compressed in (False, True):
        info = PngImagePlugin.PngInfo()
        info.add_text("Raw profile type exif", text, zip=compressed)
        pixels = load_photo(encoded(picture, pnginfo=info), 64, Resize.NEAREST)
        upright = picture.transpose(Image.Transpose.ROTATE_180)
        np.testing.assert_array_equal(pixels, np.asarray(upright.resize((64, 64), 0)))


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])
@pytest.mark.parametrize(
    ("keyword", "length"),
    [
        (b"Comment", 3_000_000), (b"Comment", 90_000_000), (b"transparency", 5), (b"gamma", 5),
        (b"icc_profile", 5), (b"Raw profile type exif", 5), (b"Raw profile type exif", 3_000_000),
        (b"exif", 5), (b"bbox", 5),
    ],
)  # fmt: skip
def test_the_text_of_a_png_has_no_say_in_its_pixels(
    picture: Image.Image, where: str, kind: bytes, keyword: bytes, length: int
) -> None:
    text = b"a" * (1000 if kind == b"tEXt" and length > 10_000_000 else length)
    content = {
        b"tEXt": lambda: text,
        b"zTXt": lambda: b"\0" + zlib.compress(text),
        b"iTXt": lambda: b"\1\0\0\0" + zlib.compress(text),
    }[kind]()
    added = chunk(kind, keyword + b"\0" + content)
    plain = encoded(picture)
    at = plain.index(b"IDAT" if where == "before" else b"IEND") - 4
    np.testing.assert_array_equal(
        load_photo(plain[:at] + added + plain[at:], 64, Resize.NEAREST),
        load_photo(plain, 64, Resize.NEAREST),
    )


def test_an_inflated_profile_of_a_png_is_ignored_and_takes_no_memory(picture: Image.Image) -> None:
    data = encoded(picture, icc_profile=bytes(60_000_000))
    tracemalloc.start()
    pixels = load_photo(data, 64, Resize.NEAREST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(pixels, load_photo(encoded(picture), 64, Resize.NEAREST))
    assert peak < 10_000_000


def test_pillows_own_limits_are_left_alone() -> None:
    """They belong to the program that imports this one."""
    code = (
        "from PIL import Image, PngImagePlugin as p\n"
        "kept = Image.MAX_IMAGE_PIXELS, p.MAX_TEXT_CHUNK, p.MAX_TEXT_MEMORY\n"
        "import app.photos.decode\n"
        "assert kept == (Image.MAX_IMAGE_PIXELS, p.MAX_TEXT_CHUNK, p.MAX_TEXT_MEMORY)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("P", "GIF"), ("CMYK", "JPEG"),
        ("RGB", "WEBP"), ("RGB", "TIFF"), ("RGB", "BMP"), ("RGB", "AVIF"), ("YCbCr", "JPEG"),
    ],
)  # fmt: skip
def test_any_mode_gives_the_same_picture(picture: Image.Image, mode: str, kind: str) -> None:
    if mode == "LA":
        picture = picture.convert("L").convert("RGB")
    options = {"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}
    stored = encoded(picture.convert(mode), kind, **options)
    plain = load_photo(encoded(picture), 64, Resize.NEAREST).astype(int)
    assert np.abs(load_photo(stored, 64, Resize.NEAREST) - plain).mean() < 6


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    half = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    assert load_photo(encoded(clear), 4, Resize.NEAREST).min() == 255
    assert load_photo(encoded(half), 4, Resize.NEAREST)[0, 0].tolist() == [255, 127, 127]


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    pixels = load_photo(encoded(Image.fromarray(ramp)), 16, Resize.NEAREST)
    assert np.abs(pixels[..., 0].astype(int).ravel() - np.arange(256)).max() <= 1


def test_the_first_frame_of_an_animation_is_taken(picture: Image.Image) -> None:
    frames = encoded(picture, "GIF", save_all=True, append_images=[Image.new("RGB", (120, 160))])
    plain = load_photo(encoded(picture.convert("P"), "GIF"), 32, Resize.NEAREST)
    np.testing.assert_array_equal(load_photo(frames, 32, Resize.NEAREST), plain)


def giant_png() -> bytes:
    """A file of 60 bytes that claims 60,000 × 60,000 pixels."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"this is text", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"PK\x03\x04 a zip file", "not an image"),
        (giant_png(), "60000 x 60000 pixels are more than"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 50, "not an image|unreadable"),
    ],
)
def test_what_is_no_photo_is_refused(data: bytes, reason: str) -> None:
    for resize in Resize:
        with pytest.raises(PhotoError, match=reason):
            load_photo(data, 112, resize)


def test_a_file_of_an_unsupported_kind_says_which() -> None:
    half = tiff_file((4, 4), [bytes(32)], {258: [16], 262: [1], 277: [1], 339: [3]})
    with pytest.raises(PhotoError, match=r"unsupported kind \(unknown pixel mode\)") as refusal:
        load_photo(half, 4, Resize.NEAREST)
    assert not isinstance(refusal.value, NotAPhotoError)


@pytest.mark.parametrize("resize", list(Resize))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_a_truncated_photo_is_refused(resize: Resize, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(PhotoError, match=r"can't be decoded|unreadable|not an image"):
        load_photo(data[: len(data) // 2], 112, resize)
