"""Photos in, unit vectors out: the only place that computes vectors."""

import logging
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from app.encoders.frozen import CompiledNetwork, FrozenNetwork
from app.encoders.networks import build_for_inference
from app.encoders.precision import LEAST_COSINE, Precision, has_bfloat16
from app.encoders.registry import Backbone

logger = logging.getLogger(__name__)


class Encoder:
    """A network, loaded and ready, for all threads of a process.

    `precision` is what it computes in; it stays `AUTO` until the first batch has shown whether
    the network bears bfloat16.

    Args:
        backbone: the registry's entry.
        weights: its weights file, or None for random weights.
        precision: what to compute in; bfloat16 becomes float32 on a processor without it, and on
            a GPU.

    Raises:
        LookalikeError: the file holds no weights of this network.
    """

    def __init__(
        self, backbone: Backbone, weights: Path | None, precision: Precision = Precision.FLOAT32
    ) -> None:
        self.backbone = backbone
        self._frozen = FrozenNetwork(
            lambda: build_for_inference(backbone, weights), backbone.input_size
        )
        fast = has_bfloat16() and not self._frozen.on_gpu
        if precision is Precision.BFLOAT16 and not fast:
            logger.warning(
                "this machine is not fast at bfloat16: computing %s in float32", backbone.name
            )
        self.precision = precision if fast else Precision.FLOAT32
        exact = self.precision is Precision.FLOAT32
        self._compiled = CompiledNetwork(
            self._frozen, Precision.FLOAT32 if exact else Precision.BFLOAT16
        )
        self._settling = Lock()

    def encode(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed a batch.

        Args:
            photos: RGB, shape `(N, size, size, 3)`, as `app.photos.decode.load_photo` makes them.

        Returns:
            Embeddings of length 1 (L2), float32, shape `(N, dimensions)`; a zero vector where the
            network gives one.
        """
        if self.precision is Precision.AUTO:
            with self._settling:
                if self.precision is Precision.AUTO:
                    return _of_unit_length(self._settle(photos))
        return _of_unit_length(self._compiled(photos))

    def _settle(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Choose between the precisions by what they make of a batch; return that."""
        reference = CompiledNetwork(self._frozen, Precision.FLOAT32, optimised=False)
        wanted, features = reference(photos), self._compiled(photos)
        reference.close()
        cosine = _least_cosine(features, wanted)
        fits = cosine >= LEAST_COSINE
        if not fits:
            self._compiled.close()
            self._compiled = CompiledNetwork(self._frozen, Precision.FLOAT32)
        precision = Precision.BFLOAT16 if fits else Precision.FLOAT32
        logger.log(
            logging.INFO if fits else logging.WARNING,
            "%s in bfloat16 agrees with float32 to a cosine of %.5f: computing in %s",
            *(self.backbone.name, cosine, precision),
        )
        self.precision = precision
        return features if fits else self._compiled(photos)


def _least_cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the least cosine of the pairs in which the other vector has a direction."""
    cosines = (_of_unit_length(one) * _of_unit_length(other)).sum(axis=1)
    return float(cosines[other.any(axis=1)].min(initial=1))


def _of_unit_length(features: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    embeddings: NDArray[np.float32] = (features / lengths).astype(np.float32)
    return embeddings
