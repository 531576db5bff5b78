"""What a larger network makes of the photos, for a smaller one to imitate.

Distillation after Hinton et al., "Distilling the Knowledge in a Neural Network" (2015), by
features instead of classes, since the teacher was trained for classes that no catalog has.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from app.encoders import networks
from app.encoders.registry import Backbone
from worker.console import progress_bar
from worker.training.pixels import StoredPhoto, decoded_batches

BATCH = 64
CLIP = 4.0
"""Standard deviations beyond which a feature is cut off: a maximum has a long tail."""


def teacher_features(
    backbone: Backbone, weights: Path, files: Sequence[StoredPhoto], *, hidden: bool = False
) -> NDArray[np.float32]:
    """Return the maximum and the mean of a backbone's last feature map, shape `(N, 2 × D)`."""
    network = networks.build(backbone, weights)
    feature_map = network.layers[-1].input
    both = keras.layers.Concatenate()(
        [
            keras.layers.GlobalMaxPooling2D()(feature_map),
            keras.layers.GlobalAveragePooling2D()(feature_map),
        ]
    )
    teacher = keras.Model(network.input, both)
    parts = []
    with progress_bar(len(files), "asking the teacher", "photos", hidden=hidden) as bar:
        for photos, _ in decoded_batches(files, backbone, BATCH):
            parts.append(teacher.predict_on_batch(photos.astype(np.float32)))
            bar.update(len(photos))
    features: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return features


def standardised(features: NDArray[np.float32], learning: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Bring each feature to mean 0 and deviation 1 over the items to learn from, and clip it."""
    known = features[learning]
    scaled = (features - known.mean(axis=0)) / (known.std(axis=0) + 1e-3)
    clipped: NDArray[np.float32] = np.clip(scaled, -CLIP, CLIP)
    return clipped
