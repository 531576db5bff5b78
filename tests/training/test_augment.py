"""Augmentation: it moves a garment and never recolours it; an upload has another background."""

import numpy as np
import pytest

from worker.training import augment as module
from worker.training.augment import as_uploaded, backdrop, variants, vary

pytestmark = pytest.mark.slow

PHOTOS = 24


@pytest.fixture
def shirts() -> np.ndarray:
    """Dark red squares on white."""
    photos = np.full((PHOTOS, 112, 112, 3), 255, dtype=np.uint8)
    photos[:, 30:80, 36:76] = (150, 20, 30)
    return photos


def test_the_same_chance_gives_the_same_variants(shirts: np.ndarray) -> None:
    first, second, other = (
        variants(shirts, np.random.default_rng(seed), size=64, variation=1.0, uploads=0.5)
        for seed in (4, 4, 5)
    )
    assert (first == second).all()
    assert (first != other).any()


def test_a_share_is_shown_again(shirts: np.ndarray) -> None:
    before = shirts.copy()
    random = np.random.default_rng(1)
    varied = variants(shirts, random, size=64, variation=1.0, uploads=0.25)
    assert varied.shape == (PHOTOS + PHOTOS // 4, 64, 64, 3)
    assert varied.dtype == np.float32
    assert varied.min() >= 0
    assert varied.max() <= 255
    assert (shirts == before).all()


def test_colour_stays(shirts: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pixel lies between the garment's red and white; white comes in from the sides."""
    monkeypatch.setattr(module, "ERASE_CHANCE", 0)
    varied = vary(shirts, 112, np.random.default_rng(0))
    share = (255 - varied[..., 1]) / (255 - 20)
    expected = 255 - share[..., None] * (255 - np.array([150, 20, 30]))
    assert np.abs(varied - expected).max() < 3
    assert (share.max(axis=(1, 2)) > 0.95).all()
    assert (varied[:, 0, 0] == 255).all()


def test_without_strength_it_mirrors_at_most() -> None:
    photos = np.random.default_rng(3).integers(0, 256, (PHOTOS, 48, 48, 3), dtype=np.uint8)
    varied = vary(photos, 48, np.random.default_rng(0), strength=0)
    as_it_was = np.abs(varied - photos).max(axis=(1, 2, 3)) < 1
    mirrored = np.abs(varied - photos[:, :, ::-1]).max(axis=(1, 2, 3)) < 1
    assert (as_it_was ^ mirrored).all()
    assert 4 < mirrored.sum() < 20


def test_the_backdrop_is_what_joins_the_edge(shirts: np.ndarray) -> None:
    shirts[:, 50:60, 50:60] = 255  # a white print
    marked = backdrop(shirts)
    assert (marked[:, :30] == 255).all()
    assert (marked[:, 30:80, 36:76] == 0).all()


def test_an_upload_has_another_background(shirts: np.ndarray) -> None:
    uploads = as_uploaded(shirts, 64, np.random.default_rng(2))
    corners = uploads[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (np.abs(corners - 255).max(axis=2) > 30).mean() > 0.4
    redness = uploads[:, 26:38, 28:36, 0] - uploads[:, 26:38, 28:36, 1:].max(axis=3)
    assert (np.median(redness, axis=(1, 2)) > 40).mean() > 0.8
