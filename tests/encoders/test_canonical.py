"""Canonical vectors: no change of a library or of the preprocessing passes unseen."""

from pathlib import Path

import numpy as np
import pytest

from app.encoders.registry import BACKBONES, Backbone
from tests.encoders import canonical

pytestmark = pytest.mark.slow

LEAST_COSINE = 0.9995
"""Below what other processors and library versions make of rounding, above any change of ours."""


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_vectors_are_the_ones_on_file(backbone: Backbone, tmp_path: Path) -> None:
    vectors = canonical.vectors(backbone, tmp_path)
    expected = canonical.expected(backbone)
    assert vectors.shape == expected.shape == (3, backbone.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-4)
    assert (vectors * expected).sum(axis=1).min() > LEAST_COSINE


def test_different_photos_have_different_vectors() -> None:
    """Else the test above would pass for a network that sees nothing."""
    for backbone in BACKBONES.values():
        expected = canonical.expected(backbone)
        cosines = (expected @ expected.T)[np.triu_indices(3, 1)]
        assert cosines.max() < LEAST_COSINE - 0.002, backbone.name
