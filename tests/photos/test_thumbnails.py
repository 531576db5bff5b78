"""Making thumbnails, and the folder that they are kept in."""

import hashlib
import io
import os
import time
from pathlib import Path
from threading import Thread

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image

from app.photos.errors import PhotoError
from app.photos.thumbnails import TEMPORARY, Format, ThumbnailCache, Width, make_thumbnail
from tests.support.icc_profiles import rgb_profile

RED, BLUE = (220, 20, 30), (20, 40, 200)
BLUE_FIRST = ((0.15, 0.06), (0.30, 0.60), (0.64, 0.33))
"""sRGB's primaries, red and blue swapped."""


def encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(seed: int, edge: int = 300) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (edge, edge, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), "PNG")


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def near(pixel: object, colour: tuple[int, int, int], within: int = 12) -> bool:
    return all(abs(a - b) <= within for a, b in zip(pixel, colour, strict=True))  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", Format)
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1800, 2400), (240, 320)),
        ((224, 224), (224, 224)),  # not enlarged
        ((1000, 100), (240, 24)),
        ((100, 4000), (24, 960)),  # a strip
    ],
)
def test_a_thumbnail_is_as_wide_as_asked(
    kind: Format, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    made = opened(make_thumbnail(encoded(Image.new("RGB", size, RED)), Width.W240, kind))
    assert made.size == expected
    assert made.format == {"webp": "WEBP", "jpg": "JPEG"}[kind]
    assert near(made.convert("RGB").getpixel((5, 5)), RED)


def two_halves(width: int = 600, height: int = 300) -> Image.Image:
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(BLUE, (width // 2, 0, width, height))
    return picture


def test_it_is_upright_and_has_no_metadata() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the camera was turned: its left side is up
    exif[ExifTags.Base.Artist] = "a person"
    data = encoded(two_halves(), exif=exif)
    for kind in Format:
        made = opened(make_thumbnail(data, Width.W120, kind))
        assert made.size == (120, 240)
        upper, lower = (made.convert("RGB").getpixel((60, y)) for y in (40, 200))
        assert near(upper, RED)
        assert near(lower, BLUE)
        assert not made.getexif()
        assert "icc_profile" not in made.info


def test_transparency_is_over_white() -> None:
    data = encoded(Image.new("RGBA", (400, 400), (0, 0, 0, 0)), "PNG")
    made = opened(make_thumbnail(data, Width.W120, Format.WEBP)).convert("RGB")
    assert near(made.getpixel((60, 60)), (255, 255, 255))


def test_a_profile_is_converted() -> None:
    data = encoded(Image.new("RGB", (200, 200), (200, 40, 40)), icc_profile=rgb_profile(BLUE_FIRST))
    made = opened(make_thumbnail(data, Width.W120, Format.JPEG)).convert("RGB")
    red, _, blue = made.getpixel((60, 60))  # type: ignore[misc]
    assert blue > red, "the profile says that red is blue"


def test_a_heic_becomes_what_browsers_show() -> None:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(two_halves()).save(buffer, quality=90)
    made = opened(make_thumbnail(buffer.getvalue(), Width.W240, Format.JPEG))
    assert made.size == (240, 120)
    assert near(made.getpixel((20, 60)), RED, 30)


def test_what_is_no_photo_is_refused() -> None:
    with pytest.raises(PhotoError, match="not an image"):
        make_thumbnail(b"<svg onload='alert(1)'/>", Width.W120, Format.WEBP)
    with pytest.raises(PhotoError, match="can't be decoded"):
        make_thumbnail(encoded(two_halves())[:1500], Width.W120, Format.WEBP)


def put(cache: ThumbnailCache, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    cache.make(data, sha256, Width.W120, Format.WEBP)
    return sha256


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_thumbnail_is_made_once(tmp_path: Path) -> None:
    data = noise(1)
    cache = ThumbnailCache(tmp_path, 10_000_000)
    sha256 = put(cache, data)
    found = cache.find(sha256, Width.W120, Format.WEBP)
    assert found == make_thumbnail(data, Width.W120, Format.WEBP)
    assert cache.find(sha256, Width.W240, Format.WEBP) is None
    assert cache.find(sha256, Width.W120, Format.JPEG) is None
    # Another process finds it, and decodes nothing.
    assert ThumbnailCache(tmp_path, 10_000_000).make(
        b"no photo", sha256, Width.W120, Format.WEBP
    ) == found  # fmt: skip


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    size = len(make_thumbnail(noise(0), Width.W120, Format.WEBP))
    cache = ThumbnailCache(tmp_path, 10 * size)
    stored = [put(cache, noise(seed)) for seed in range(8)]
    for age, sha256 in enumerate(stored):  # the first one is the oldest
        (path,) = tmp_path.rglob(f"{sha256}-*")
        os.utime(path, (time.time() - 100_000 + age,) * 2)
    assert cache.find(stored[0], Width.W120, Format.WEBP), "its use is noted"
    for seed in range(8, 12):
        stored.append(put(cache, noise(seed)))
        assert sum(path.stat().st_size for path in files(tmp_path)) <= 10.5 * size
    kept = [cache.find(sha256, Width.W120, Format.WEBP) is not None for sha256 in stored]
    assert kept[0], "it was used last"
    assert not any(kept[1:3])
    assert all(kept[8:])


def test_what_a_killed_process_left_goes_too(tmp_path: Path) -> None:
    left = tmp_path / "ab" / f"left{TEMPORARY}"
    left.parent.mkdir()
    left.write_bytes(bytes(1_000_000))
    os.utime(left, (1, 1))
    put(ThumbnailCache(tmp_path, 100_000), noise(1))
    assert not left.exists()


def test_a_folder_that_cannot_be_written_costs_the_cache_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    data = noise(1)
    cache = ThumbnailCache(tmp_path / "file", 1_000_000)
    expected = make_thumbnail(data, Width.W120, Format.WEBP)
    for _ in range(2):
        assert cache.make(data, "ab", Width.W120, Format.WEBP) == expected
    assert ThumbnailCache(tmp_path / "none", 0).make(data, "ab", 120, Format.WEBP) == expected
    assert not (tmp_path / "none").exists()


def test_many_threads_get_the_same(tmp_path: Path) -> None:
    data = noise(1)
    caches = [ThumbnailCache(tmp_path, 1_000_000) for _ in range(4)]
    made: list[bytes] = []
    threads = [
        Thread(target=lambda at=at: made.append(caches[at % 4].make(data, "ab", 120, Format.WEBP)))
        for at in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 12
    assert set(made) == {make_thumbnail(data, 120, Format.WEBP)}
    assert len(files(tmp_path)) == 1
