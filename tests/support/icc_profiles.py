"""ICC profiles: of RGB with other primaries, of greys, and of four inks."""

import struct

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def rgb_profile(primaries: tuple[tuple[float, float], ...], gamma: float = 2.2) -> bytes:
    """A profile of RGB with these primaries (x, y) at D65."""
    corners = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    matrix = corners * np.linalg.solve(corners, white)
    adapted = np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ D50 / (BRADFORD @ white)) @ BRADFORD
    columns = (adapted @ matrix).T
    tags = {b"wtpt": _xyz(D50)}
    for name, column in zip((b"r", b"g", b"b"), columns, strict=True):
        tags[name + b"XYZ"] = _xyz(column)
        tags[name + b"TRC"] = _curve(gamma)
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    """A profile of greys that are light to the power of 1 / gamma."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(D50), b"kTRC": _curve(gamma)})


def cmyk_profile() -> bytes:
    """A profile of four inks, with a table of two levels of each to Lab."""
    inks = np.indices((2, 2, 2, 2)).reshape(4, -1).T
    paper = 95 * (1 - 0.9 * inks[:, 3])
    light = paper * (1 - 0.35 * inks[:, 0]) * (1 - 0.4 * inks[:, 1]) * (1 - 0.1 * inks[:, 2])
    a = 60 * inks[:, 1] - 30 * inks[:, 0]
    b = 70 * inks[:, 2] - 40 * inks[:, 0]
    lab = np.stack([light * 2.55, a + 128, b + 128], axis=1).round().astype(np.uint8)
    steps = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * np.eye(3, dtype=int)).ravel())
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity
    table += steps * 4 + lab.tobytes() + steps * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(D50), b"A2B0": table})


def _xyz(value: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(value * 65536).round().astype(int))


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)


def _text(value: bytes) -> bytes:
    body = b"desc" + bytes(4) + struct.pack(">I", len(value) + 1) + value + b"\0"
    return body + bytes(78)


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": _text(b"test"), b"cprt": b"text" + bytes(4) + b"none\0", **tags}
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += padded
    white = struct.pack(">3i", *(D50 * 65536).round().astype(int))
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02400000, kind, space, connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + body
