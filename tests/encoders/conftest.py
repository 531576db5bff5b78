"""Networks and photos for the encoders' tests."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.encoders.keras_import import load_keras


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras, over TensorFlow."""
    return load_keras()


@pytest.fixture(scope="session")
def resnet_weights(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of ResNet50 without its top, as `save_weights` writes them.

    Its biases and normalisations are random too: Keras begins with zeros and ones, which a graph
    optimiser removes together with the mistakes that one may have made around them.
    """
    file = tmp_path_factory.mktemp("weights") / "random.weights.h5"
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(1)
    network = keras.applications.ResNet50(weights=None, include_top=False)
    network.set_weights(
        [w + random.uniform(0, 0.2, w.shape) if w.ndim == 1 else w for w in network.get_weights()]
    )
    network.save_weights(file)
    return file


@pytest.fixture(scope="session")
def photos(sample_catalog: Path) -> list[Path]:
    """Six photos of the sample catalog."""
    return sorted((sample_catalog / "images").glob("*.jpg"))[:6]
