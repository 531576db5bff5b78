"""Photos in, unit vectors out: the only place that computes vectors."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.encoders.networks import build
from app.encoders.registry import Backbone


class Encoder:
    """A network, loaded and ready.

    Args:
        backbone: the registry's entry.
        weights: its weights file, or None for random weights.

    Raises:
        LookalikeError: the file holds no weights of this network.
    """

    def __init__(self, backbone: Backbone, weights: Path | None) -> None:
        self.backbone = backbone
        network = build(backbone, weights)
        import tensorflow

        size = backbone.input_size
        # One trace for batches of every length.
        signature = [tensorflow.TensorSpec((None, size, size, 3), tensorflow.uint8)]
        self._forward = tensorflow.function(
            lambda photos: network(tensorflow.cast(photos, tensorflow.float32), training=False),
            input_signature=signature,
        )

    def encode(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed a batch.

        Args:
            photos: RGB, shape `(N, size, size, 3)`, as `app.encoders.photo.load_photo` makes them.

        Returns:
            Embeddings of length 1 (L2), float32, shape `(N, dimensions)`; a zero vector where the
            network gives one.
        """
        features = np.asarray(self._forward(photos), dtype=np.float32)
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        lengths[lengths == 0] = 1
        embeddings: NDArray[np.float32] = features / lengths
        return embeddings
