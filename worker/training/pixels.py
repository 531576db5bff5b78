"""Decoding the photos of products once, to keep them in memory: 19 kB each at 80 pixels."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.encoders.registry import Backbone
from app.photos.decode import load_photo
from app.photos.errors import PhotoError
from app.photos.storage import PhotoStorage
from worker.console import progress_bar

Pixels = NDArray[np.uint8]

AHEAD = 256
"""Photos to decode ahead."""


class StoredPhoto(NamedTuple):
    """A photo's reference, and the storage that it is in."""

    storage: PhotoStorage
    reference: str

    def read(self) -> bytes:
        """Read the photo's bytes; raises what `PhotoStorage.read` raises."""
        return self.storage.read(self.reference)


def load_pixels(
    files: Sequence[StoredPhoto], backbone: Backbone, *, hidden: bool = False
) -> tuple[Pixels, NDArray[np.bool_]]:
    """Decode photos into a backbone's input.

    Returns:
        The decoded photos, RGB, uint8, shape `(at most N, S, S, 3)`; and which of the files they
        are, bool, shape `(N,)`.
    """
    size = backbone.input_size
    pixels = np.empty((len(files), size, size, 3), dtype=np.uint8)
    readable = np.zeros(len(files), dtype=bool)
    seen = done = 0
    with progress_bar(len(files), "reading photos", "photos", hidden=hidden) as bar:
        for photos, decoded in decoded_batches(files, backbone, AHEAD):
            pixels[done : done + len(photos)] = photos
            readable[seen : seen + len(decoded)] = decoded
            seen += len(decoded)
            done += len(photos)
            bar.update(len(decoded))
    return pixels[:done], readable


def decoded_batches(
    files: Sequence[StoredPhoto], backbone: Backbone, batch_size: int
) -> Iterator[tuple[Pixels, NDArray[np.bool_]]]:
    """Decode photos batch by batch; yield for each batch what `load_pixels` returns."""
    size = backbone.input_size
    photos = _decoded(files, backbone)
    while batch := list(islice(photos, batch_size)):
        found = [photo for photo in batch if photo is not None]
        pixels = np.stack(found) if found else np.empty((0, size, size, 3), dtype=np.uint8)
        yield pixels, np.array([photo is not None for photo in batch])


def _decoded(files: Sequence[StoredPhoto], backbone: Backbone) -> Iterator[Pixels | None]:
    def decode(file: StoredPhoto) -> Pixels | None:
        try:
            return load_photo(file.read(), backbone.input_size, backbone.resize)
        except PhotoError:
            return None

    with ThreadPoolExecutor(4) as pool:
        # `map` over all files would keep all decoded photos in memory.
        for start in range(0, len(files), AHEAD):
            yield from pool.map(decode, files[start : start + AHEAD])
