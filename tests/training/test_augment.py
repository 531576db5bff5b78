"""Augmentation: it moves a garment about and never recolours it."""

import numpy as np
import pytest

from worker.training import augment as module
from worker.training.augment import augment


@pytest.fixture
def shirt() -> np.ndarray:
    """A dark red square on white."""
    photo = np.full((112, 112, 3), 255, dtype=np.uint8)
    photo[30:80, 36:76] = (150, 20, 30)
    return photo


def test_the_same_chance_gives_the_same_variant(shirt: np.ndarray) -> None:
    first, second = (augment(shirt, np.random.default_rng(4)) for _ in range(2))
    other = augment(shirt, np.random.default_rng(5))
    assert (first == second).all()
    assert (first != other).any()


def test_shape_and_the_photo_itself_stay(shirt: np.ndarray) -> None:
    before = shirt.copy()
    varied = augment(shirt, np.random.default_rng(1))
    assert varied.shape == shirt.shape
    assert varied.dtype == np.uint8
    assert (shirt == before).all()


def test_colour_stays(shirt: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pixel lies between the garment's red and white; white comes in from the sides."""
    monkeypatch.setattr(module, "ERASE_CHANCE", 0)
    for seed in range(30):
        varied = augment(shirt, np.random.default_rng(seed)).astype(float)
        share = (255 - varied[..., 1]) / (255 - 20)
        expected = 255 - share[..., None] * (255 - np.array([150, 20, 30]))
        assert np.abs(varied - expected).max() < 3
        assert share.max() > 0.95
        assert (varied[0, 0] == 255).all()


def test_mirrored_in_half_of_the_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ERASE_CHANCE", 0)
    photo = np.full((64, 64, 3), 255, dtype=np.uint8)
    photo[20:44, 8:20] = 0
    varied = [augment(photo, np.random.default_rng(seed)) for seed in range(60)]
    on_the_right = sum(one[:, 32:].mean() < one[:, :32].mean() for one in varied)
    assert 15 < on_the_right < 45
