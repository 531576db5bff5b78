"""Computing unit vectors of photos; nothing else does."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from app.encoders.frozen import CompiledNetwork, FrozenNetwork
from app.encoders.networks import build_for_inference
from app.encoders.precision import LEAST_COSINE, Precision
from app.encoders.precision import has_bfloat16 as processor_has_bfloat16
from app.encoders.registry import Backbone
from app.errors import LookalikeError, in_one_line

logger = logging.getLogger(__name__)

_OUT_OF_MEMORY = (
    "out of memory; stop other programs that use it, or choose a smaller LOOKALIKE_BATCH_SIZE "
    "or network"
)


class Encoder:
    """A loaded network. Thread-safe.

    `precision` is what it computes in. It stays `AUTO` until the first batch has shown whether
    bfloat16 is exact enough for this network.

    Args:
        backbone: the registry's entry.
        weights: its weights file, or None for random weights.
        precision: what to compute in; bfloat16 becomes float32 on a processor without it, and on
            a GPU.
        has_bfloat16: whether the processor has bfloat16; None to look.
        least_cosine: cosine that vectors in bfloat16 need with those in float32 for `AUTO` to
            choose it.

    Raises:
        LookalikeError: the file holds no weights of this network, or TensorFlow can't run it.
    """

    def __init__(
        self,
        backbone: Backbone,
        weights: Path | None,
        precision: Precision = Precision.FLOAT32,
        *,
        has_bfloat16: bool | None = None,
        least_cosine: float = LEAST_COSINE,
    ) -> None:
        self.backbone = backbone
        self._least_cosine = least_cosine
        with tensorflow_errors_in_words(backbone.name):
            self._frozen = FrozenNetwork(
                lambda: build_for_inference(backbone, weights), backbone.input_size
            )
            if has_bfloat16 is None:
                has_bfloat16 = processor_has_bfloat16()
            fast = has_bfloat16 and not self._frozen.on_gpu
            self.precision = precision if fast else Precision.FLOAT32
            exact = self.precision is Precision.FLOAT32
            self._compiled = CompiledNetwork(
                self._frozen, Precision.FLOAT32 if exact else Precision.BFLOAT16
            )
        if precision is Precision.BFLOAT16 and not fast:
            logger.warning(
                "this machine is not fast at bfloat16: computing %s in float32", backbone.name
            )
        self._settling = Lock()

    def encode(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed a batch.

        Args:
            photos: RGB, shape `(N, size, size, 3)`, as `app.photos.decode.load_photo` makes them.

        Returns:
            Embeddings of length 1 (L2), float32, shape `(N, dimensions)`; a zero vector where the
            network gives one.

        Raises:
            LookalikeError: TensorFlow failed, out of memory for instance.
        """
        with tensorflow_errors_in_words(self.backbone.name):
            return _of_unit_length(self._features(photos))

    def _features(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.precision is Precision.AUTO:
            with self._settling:
                if self.precision is Precision.AUTO:
                    return self._settle(photos)
        return self._compiled(photos)

    def _settle(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Choose a precision by comparing both on a batch, and return the batch's features."""
        reference = CompiledNetwork(self._frozen, Precision.FLOAT32, optimised=False)
        wanted, features = reference(photos), self._compiled(photos)
        reference.close()
        cosine = _least_cosine(features, wanted)
        fits = cosine >= self._least_cosine
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


@contextmanager
def tensorflow_errors_in_words(network: str) -> Iterator[None]:
    """Raise TensorFlow's errors within the block as a `LookalikeError` of one line.

    Args:
        network: its name, for the message.
    """
    try:
        yield
    except MemoryError:
        raise LookalikeError(f"{network} can't compute: {_OUT_OF_MEMORY}") from None
    except Exception as error:
        from tensorflow import errors

        if isinstance(error, errors.ResourceExhaustedError):
            raise LookalikeError(f"{network} can't compute: {_OUT_OF_MEMORY}") from None
        if isinstance(error, errors.OpError):
            reason = in_one_line(error.message) or type(error).__name__
            raise LookalikeError(
                f"{network} can't compute: TensorFlow says {reason!r}; set CUDA_VISIBLE_DEVICES="
                "-1 to compute without a GPU"
            ) from None
        raise


def _least_cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the least cosine of all pairs whose second vector is not zero."""
    cosines = (_of_unit_length(one) * _of_unit_length(other)).sum(axis=1)
    return float(cosines[other.any(axis=1)].min(initial=1))


def _of_unit_length(features: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    embeddings: NDArray[np.float32] = (features / lengths).astype(np.float32)
    return embeddings
