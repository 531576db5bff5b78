"""Our vectors are the reference recipe's, written out here by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.encoders.encoder import Encoder
from app.encoders.registry import get_backbone
from app.photos.decode import load_photo

pytestmark = pytest.mark.slow

SIZES = [(224, 224), (300, 400), (1800, 2400)]


def reference(keras: Any, weights: Path, files: list[Path]) -> NDArray[np.float32]:
    """What a data scientist does by hand, one photo at a time."""
    model = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(224, 224, 3))
    model.load_weights(weights)
    features = []
    for file in files:
        image = keras.utils.load_img(file, target_size=(224, 224))
        batch = np.expand_dims(keras.utils.img_to_array(image), axis=0)
        batch = keras.applications.resnet50.preprocess_input(batch)
        features.append(model.predict(batch, verbose=0).max(axis=(1, 2))[0])
    return np.stack(features)


def ours(weights: Path, files: list[Path]) -> NDArray[np.float32]:
    backbone = get_backbone("resnet50")
    pixels = [load_photo(file.read_bytes(), backbone.input_size, backbone.resize) for file in files]
    return Encoder(backbone, weights).encode(np.stack(pixels))


@pytest.fixture(scope="session")
def files(photos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Each photo at three sizes, RGB and without an orientation tag."""
    folder = tmp_path_factory.mktemp("sizes")
    written = []
    for photo in photos:
        for width, height in SIZES:
            file = folder / f"{photo.stem}_{width}x{height}.jpg"
            image = Image.open(photo).convert("RGB").resize((width, height))
            image.save(file, quality=95)
            written.append(file)
    return written + photos


@pytest.fixture(scope="module")
def theirs(keras: Any, resnet_weights: Path, files: list[Path]) -> NDArray[np.float32]:
    """The vectors of the reference recipe."""
    return reference(keras, resnet_weights, files)


@pytest.fixture(scope="module")
def mine(resnet_weights: Path, files: list[Path]) -> NDArray[np.float32]:
    """Ours."""
    return ours(resnet_weights, files)


def test_vectors_are_the_references(
    theirs: NDArray[np.float32], mine: NDArray[np.float32], files: list[Path]
) -> None:
    assert mine.shape == (len(files), 2048)
    np.testing.assert_allclose(np.linalg.norm(mine, axis=1), 1, atol=1e-5)
    lengths = np.linalg.norm(theirs, axis=1)
    cosines = (mine * theirs).sum(axis=1) / lengths
    assert cosines.min() >= 0.9999, dict(zip(files, cosines, strict=True))


def test_the_similarity_matrix_is_the_references(
    theirs: NDArray[np.float32], mine: NDArray[np.float32], files: list[Path], photos: list[Path]
) -> None:
    from sklearn.metrics import pairwise_distances

    some = [files.index(photo) for photo in photos[:4]]
    expected = 1 - pairwise_distances(theirs[some], metric="cosine")
    np.testing.assert_allclose(mine[some] @ mine[some].T, expected, atol=1e-3)
