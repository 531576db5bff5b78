"""Large photos: the same picture as small ones, in bounded memory, one at a time."""

import multiprocessing
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.photos import decode
from app.photos.box import Box
from app.photos.decode import Resize, load_photo, require_bounded
from app.photos.decoding_lock import SMALL, decoding
from app.photos.errors import PhotoError
from tests.http.conftest import encoded

EDGE = 7070

MEASURE = """
import re, sys
from pathlib import Path
from app.photos.decode import Resize, load_photo
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
data = sys.stdin.buffer.read()
before = peak()
load_photo(data, 224, Resize(sys.argv[1]))
print((peak() - before) * 1024)
"""

KINDS: dict[str, tuple[int, int, bytes, bytes]] = {
    "16-bit grey": (16, 0, b"\x80\x80", b""),
    "16-bit grey with a transparent value": (16, 0, b"\x80\x80", b"\x80\x80"),
    "16-bit colours with a transparent one": (16, 2, b"\x80\x80" * 3, b"\x80\x80" * 3),
    "8-bit colours with alpha": (8, 6, b"\x80" * 4, b""),
}
"""Depth, colour type, a pixel, and the transparent colour of 50-megapixel PNGs."""


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def large_png(depth: int, colour_type: int, pixel: bytes, key: bytes) -> bytes:
    """A file of a megabyte or so."""
    row = b"\0" + pixel * EDGE
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(row) for _ in range(EDGE)) + packer.flush()
    header = struct.pack(">IIBBBBB", EDGE, EDGE, depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + (chunk(b"tRNS", key) if key else b"")
        + chunk(b"IDAT", packed)
        + chunk(b"IEND", b"")
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's peak of memory")
def test_fifty_megapixels_take_at_most_300_mb(kind: str) -> None:
    data = large_png(*KINDS[kind])
    require_bounded(data)
    for resize in (Resize.NEAREST, Resize.ANTIALIAS):
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, resize], input=data, capture_output=True, check=True
        )
        assert int(done.stdout) < 300_000_000


@pytest.mark.parametrize(("kind", "edge"), [("WEBP", 4300), ("AVIF", 4700)])
def test_what_a_decoder_would_need_more_for_is_refused(kind: str, edge: int) -> None:
    data = encoded(Image.new("RGB", (edge, edge)), kind)
    with pytest.raises(PhotoError, match=rf"{edge} x {edge} pixels are more than .* in a {kind}"):
        require_bounded(data)
    assert require_bounded(encoded(Image.new("RGB", (300, 200)), kind)) == 60_000


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("box", [None, Box(0.1, 0.2, 0.7, 0.9)], ids=["all", "a box"])
@pytest.mark.parametrize("resize", Resize)
def test_a_large_photo_is_the_same_picture(
    monkeypatch: pytest.MonkeyPatch, orientation: int, box: Box | None, resize: Resize
) -> None:
    rng = np.random.default_rng(0)
    # Areas of one colour, so that the place of a pixel and how it is averaged matter little.
    image = Image.fromarray(rng.integers(0, 255, (5, 4, 4), np.uint8)).resize(
        (640, 800), Image.Resampling.BILINEAR
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image, exif=exif)
    expected = load_photo(data, 64, resize, box).astype(int)
    monkeypatch.setattr(decode, "LARGE", 100_000)
    monkeypatch.setattr(decode, "LARGE_EXACT", 100_000)
    monkeypatch.setattr(decode, "STRIP", 10_000)
    found = load_photo(data, 64, resize, box).astype(int)
    difference = np.abs(found - expected)
    assert difference.mean() < 3
    assert np.percentile(difference, 98) < 16


def _hold(home: Path, held: "multiprocessing.synchronize.Event", log: Path) -> None:
    with decoding(SMALL + 1, home):
        held.set()
        with log.open("a") as file:
            file.write("child\n")


def test_a_large_photo_waits_for_that_of_another_process(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, log = context.Event(), tmp_path / "log"
    child = context.Process(target=_hold, args=(tmp_path, held, log))
    with decoding(SMALL + 1, tmp_path):
        child.start()
        assert not held.wait(5)
        with decoding(SMALL, tmp_path):  # a small one waits for nobody
            log.write_text("parent\n")
    child.join(30)
    assert child.exitcode == 0
    assert log.read_text().split() == ["parent", "child"]
