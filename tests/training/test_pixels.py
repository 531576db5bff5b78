"""Photos in memory: which of them could be decoded, however many there are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.encoders.registry import get_backbone
from app.photos.storage import open_storage
from app.settings import Settings
from worker.training.pixels import AHEAD, StoredPhoto, load_pixels


@pytest.mark.parametrize("hidden", [False, True])
def test_a_broken_photo_after_the_first_batch(tmp_path: Path, hidden: bool) -> None:
    Image.new("RGB", (20, 20), "red").save(tmp_path / "whole.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    names = ["whole.jpg"] * AHEAD + ["broken.jpg", "whole.jpg"]
    storage = open_storage(str(tmp_path), Settings(_env_file=None))
    files = [StoredPhoto(storage, name) for name in names]
    pixels, readable = load_pixels(files, get_backbone("compact"), hidden=hidden)
    assert len(pixels) == AHEAD + 1
    assert np.flatnonzero(~readable).tolist() == [AHEAD]
