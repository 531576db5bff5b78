"""The chunks of a PNG that decide its pixels, without the text that may stand around them."""

import io
import struct
import zlib
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"

ANCILLARY = frozenset((b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"eXIf", b"acTL", b"fcTL", b"fdAT"))
"""Chunks that change the picture although a decoder could do without them."""

EXIF_TEXT = b"Raw profile type exif\0"
"""How the text begins in which ImageMagick keeps EXIF."""

MAX_INFLATED = 1 << 20
"""Size in bytes to which a colour profile or EXIF may expand: Pillow's own limit."""


def drop_text(source: BinaryIO) -> BinaryIO:
    """Return a PNG file without the chunks that have no bearing on its picture.

    Pillow reads all text before the pixels, refuses a file with more than 1 MiB of it in a
    chunk, and lets a text overwrite what it knows of the picture (one called "transparency").

    Args:
        source: a PNG file, at any position.

    Returns:
        The same file at its start if there is nothing to drop, otherwise a copy in memory.
    """
    dropped = _useless_chunks(source)
    source.seek(0)
    if not dropped:
        return source
    data = memoryview(source.read())
    kept = io.BytesIO()
    position = 0
    for start, end in dropped:
        kept.write(data[position:start])
        position = end
    kept.write(data[position:])
    kept.seek(0)
    return kept


def _useless_chunks(source: BinaryIO) -> list[tuple[int, int]]:
    """Return where the chunks that can be dropped start and end, in bytes."""
    chunks: list[tuple[int, int]] = []
    start = len(SIGNATURE)
    while True:
        source.seek(start)
        head = source.read(8)
        if len(head) < 8:
            return chunks
        length, kind = struct.unpack(">I4s", head)
        end = start + length + 12
        if not _is_useful(kind, length, source):
            chunks.append((start, end))
        if kind == b"IEND":
            return chunks
        start = end


def _is_useful(kind: bytes, length: int, source: BinaryIO) -> bool:
    """Return whether the chunk whose content comes next in a file bears on the picture."""
    is_critical = not kind[0] & 0x20
    if kind == b"iCCP":
        return _inflates(source.read(length))
    if kind in (b"zTXt", b"tEXt") and source.read(len(EXIF_TEXT)) == EXIF_TEXT:
        return kind == b"tEXt" or _inflates(b"\0" + source.read(length - len(EXIF_TEXT)))
    return is_critical or kind in ANCILLARY


def _inflates(content: bytes) -> bool:
    """Return whether what follows a name, a zero and the method expands to a sane size."""
    packed = content[content.find(b"\0") + 2 :]
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(packed, MAX_INFLATED)
    except zlib.error:
        return False
    return not inflater.unconsumed_tail
