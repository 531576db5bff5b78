"""Removing the chunks of a PNG that don't affect its picture."""

import io
import struct
import zlib
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"

ANCILLARY = frozenset((b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"eXIf", b"acTL", b"fcTL", b"fdAT"))
"""Ancillary chunks that affect the picture."""

EXIF_TEXT = b"Raw profile type exif\0"
"""Start of the text chunk in which ImageMagick stores EXIF."""

MAX_INFLATED = 1 << 20
"""Maximum size in bytes of an inflated colour profile or EXIF: Pillow's own limit."""


def drop_text(source: BinaryIO) -> BinaryIO:
    """Return a PNG file without the chunks that don't affect its picture.

    Pillow reads all text before the pixels, refuses a file with more than 1 MiB of it in a chunk,
    and lets a text called "transparency" overwrite the picture's transparency.

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
    """Return the start and end, in bytes, of the chunks that can be dropped."""
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
    """Return whether the chunk whose content is next in a file affects the picture."""
    is_critical = not kind[0] & 0x20
    if kind == b"iCCP":
        return _inflates(source.read(length))
    if kind in (b"zTXt", b"tEXt") and source.read(len(EXIF_TEXT)) == EXIF_TEXT:
        return kind == b"tEXt" or _inflates(b"\0" + source.read(length - len(EXIF_TEXT)))
    return is_critical or kind in ANCILLARY


def _inflates(content: bytes) -> bool:
    """Return whether the data after a name, a zero and the method inflates within the limit."""
    packed = content[content.find(b"\0") + 2 :]
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(packed, MAX_INFLATED)
    except zlib.error:
        return False
    return not inflater.unconsumed_tail
