"""Parsing references to photos: paths below the root, and URLs."""

import json
import posixpath
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

MAX_REFERENCE_BYTES = 8192
"""Signed URLs have about 2,000."""

MAX_PHOTOS = 100
"""Most photos kept of a product."""

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?=//)|(data|file|javascript|blob):")
WEB = re.compile(r"(?:https?|s3|gs)://", re.IGNORECASE)
PLAIN_URL = re.compile(r"(?:https?|s3|gs)://[!#-&(-+\-./0-:<-{}~]{1,1000}")
"""A URL that is a single reference without further checks."""

NEXT_URL = re.compile(r"(?<=[,;|\s])(?:(?:https?|s3|gs):)?//", re.IGNORECASE)
BETWEEN = ",;| \t\r\n"
PIECES = re.compile(r"([,;|\n])")
ENDINGS = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif"),
    *(".bmp", ".tif", ".tiff", ".avif", ".heic"),
)
UNUSABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")
KEYS = ("src", "url", "href", "link", "imageURL", "image_url", "path", "file")
"""Keys under which a JSON object may have a photo's URL."""


def is_picture(text: str) -> bool:
    """Return whether a text ends like the file name of a picture."""
    return re.split("[?#]", text, maxsplit=1)[0].rstrip().lower().endswith(ENDINGS)


def parse_photos(value: Any, root: str | None = None) -> tuple[list[str], list[str]]:
    """Return the references in a value, and the reasons why others can't be used.

    Args:
        value: a text, a list of texts, or any other JSON value.
        root: folder or URL that relative paths are below.
    """
    references: list[str] = []
    problems: list[str] = []
    for text in _texts(value):
        for piece in split_photos(text):
            try:
                references.append(normalise(piece, root))
            except ValueError as error:
                problems.append(str(error))
    return [each for each in references if each], problems


def is_photo_object(value: dict[str, Any]) -> bool:
    """Return whether an object in JSON stands for a photo."""
    found = next((value[key] for key in KEYS if isinstance(value.get(key), str)), None)
    return found is not None and (is_picture(found) or WEB.match(found) is not None)


def split_photos(text: str) -> list[str]:
    """Split a text into references; a comma may separate them, or be part of one."""
    text = text.strip()
    if not text:
        return []
    if text[0] == "[":
        try:
            return list(_texts(json.loads(text)))
        except (ValueError, RecursionError):
            pass
    if WEB.match(text) or text.startswith("//"):
        starts = [0, *(found.start() for found in NEXT_URL.finditer(text)), len(text)]
        return [text[start:end].strip(BETWEEN) for start, end in pairwise(starts)]
    if not PIECES.search(text):
        return [text]
    return _split_paths(text)


def normalise(reference: str, root: str | None = None) -> str:
    """Return a reference in its canonical form; an empty text if there is none.

    Raises:
        ValueError: it can't be a reference; the text says why.
    """
    text = reference.strip().strip("\"'")
    if UNUSABLE.search(text):
        raise ValueError("the photo's reference holds a control character")
    if len(text.encode()) > MAX_REFERENCE_BYTES:
        raise ValueError(f"the photo's reference is longer than {MAX_REFERENCE_BYTES:,} bytes")
    if text.startswith("//"):
        return f"https:{text}"
    if WEB.match(text):
        scheme, _, rest = text.partition(":")
        return f"{scheme.lower()}:{rest}"
    if scheme_of := SCHEME.match(text):
        raise ValueError(
            f"{scheme_of[0][:20]} is not the address of a photo: give an http, https, s3 or gs "
            "URL, or a path below the root"
        )
    return _path(text, root)


def _path(text: str, root: str | None) -> str:
    path = text.replace("\\", "/")
    if root and path.startswith(root.rstrip("/") + "/"):
        path = path[len(root.rstrip("/")) :]
    path = posixpath.normpath(path.lstrip("/")) if path.strip("/") else ""
    if path == ".." or path.startswith("../"):
        raise ValueError("the photo's path leads out of the root")
    return "" if path == "." else path


def _split_paths(text: str) -> list[str]:
    found: list[str] = []
    piece: list[str] = []
    for part in PIECES.split(text):
        if PIECES.fullmatch(part) and (part in "|\n" or (piece and is_picture(piece[-1]))):
            found.append("".join(piece))
            piece = []
        else:
            piece.append(part)
    return [each.strip() for each in (*found, "".join(piece)) if each.strip()]


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a value of any type."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            if not isinstance(each, list | tuple):
                yield from _texts(each)
    elif isinstance(value, dict) and not _is_video(value):
        found = next((value[key] for key in KEYS if isinstance(value.get(key), str)), None)
        if found is not None:
            yield found


def _is_video(found: dict[str, Any]) -> bool:
    kinds = (found.get(key) for key in ("type", "media_type", "mediaContentType", "kind"))
    return any(isinstance(kind, str) and "video" in kind.lower() for kind in kinds)
