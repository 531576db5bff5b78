"""PNG and TIFF files in forms that Pillow can read but not write."""

import struct
import zlib
from collections.abc import Mapping, Sequence

Chunk = tuple[bytes, bytes]

_SHORT, _LONG = 3, 4


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def png_file(
    size: tuple[int, int],
    depth: int,
    colour_type: int,
    rows: Sequence[bytes],
    before: Sequence[Chunk] = (),
    after: Sequence[Chunk] = (),
) -> bytes:
    """A PNG of rows of samples, with chunks before and after its pixels."""
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [(b"IHDR", header), *before, (b"IDAT", pixels), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def tiff_file(
    size: tuple[int, int],
    strips: Sequence[bytes],
    tags: Mapping[int, Sequence[int]],
    order: str = "<",
    deflated: bool = False,
) -> bytes:
    """A TIFF of strips that each hold all rows, with tags of 32 bits or less.

    Args:
        size: width and height in pixels.
        strips: one, or one for each plane.
        tags: number of each tag and its values.
        order: `<` or `>`, as in `struct`.
        deflated: whether the strips are compressed, which is another path through Pillow.
    """
    if deflated:
        strips = [zlib.compress(strip) for strip in strips]
    start = 8
    offsets = []
    for strip in strips:
        offsets.append(start)
        start += len(strip)
    body = b"".join(strips)
    entries: dict[int, tuple[int, Sequence[int]]] = {
        256: (_LONG, [size[0]]),
        257: (_LONG, [size[1]]),
        259: (_SHORT, [8 if deflated else 1]),
        273: (_LONG, offsets),
        278: (_LONG, [size[1]]),
        279: (_LONG, [len(strip) for strip in strips]),
        **{tag: (_SHORT, values) for tag, values in tags.items()},
    }
    directory = struct.pack(order + "H", len(entries))
    extra_at = start + 2 + 12 * len(entries) + 4
    extra = b""
    for tag, (kind, values) in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == _SHORT else 'I'}", *values)
        if len(packed) > 4:
            field = struct.pack(order + "I", extra_at + len(extra))
            extra += packed
        else:
            field = packed.ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, kind, len(values)) + field
    directory += struct.pack(order + "I", 0)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", start) + body + directory + extra


def bmp_file(
    size: tuple[int, int],
    depth: int,
    rows: Sequence[bytes],
    palette: bytes = b"",
    masks: Sequence[int] = (),
    top_down: bool = False,
) -> bytes:
    """A BMP of rows from the top, each filled up to four bytes, with palette or bit masks."""
    pixels = b"".join(rows if top_down else reversed(rows))
    # Masks of red, green, blue and alpha are part of the header of version 4.
    header = struct.pack(
        "<IiiHHIIiiII",
        *(108 if masks else 40, size[0], -size[1] if top_down else size[1], 1, depth),
        *(3 if masks else 0, len(pixels), 2835, 2835, len(palette) // 4, 0),
    )
    if masks:
        header += struct.pack("<4I", *masks) + bytes(52)
    start = 14 + len(header) + len(palette)
    return (
        struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + header + palette + pixels
    )
