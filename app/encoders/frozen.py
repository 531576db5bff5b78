"""A network as one graph of constants: TensorFlow folds, fuses and narrows what it then can."""

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.encoders.precision import Precision

PIXELS_AT_ONCE = 8 * 224 * 224
"""How many pixels go through a network together. On a CPU larger batches hold more memory and are
hardly faster: resnet50 does 47 photos/s by 8 and by 64, compact 1,860 by 32 and 1,910 by 64."""


class FrozenNetwork:
    """The graph of a Keras network with its weights made constants.

    Batch normalisation is folded into the convolutions before it, and these are fused with what
    follows, which a graph that reads variables doesn't allow. The network itself isn't kept.

    Args:
        build: makes the network, from float32 `(N, size, size, 3)` to float32 `(N, D)`.
        size: the edge of its input, in pixels.
    """

    def __init__(self, build: Callable[[], Any], size: int) -> None:
        frozen = _freeze(build(), size)  # which imports TensorFlow in the quiet way

        from tensorflow import compat, config

        self.input, self.output = frozen.inputs[0].name, frozen.outputs[0].name
        self.photos_at_once = max(1, PIXELS_AT_ONCE // size**2)
        self.on_gpu = bool(config.list_physical_devices("GPU"))
        definition = frozen.graph.as_graph_def()
        del frozen  # or else the weights stay in memory twice
        _give_memory_back()
        self.graph = compat.v1.Graph()
        with self.graph.as_default():
            compat.v1.import_graph_def(definition, name="")
        del definition
        _give_memory_back()


class CompiledNetwork:
    """A frozen network, ready to run in one precision. Any number of threads may call it.

    Args:
        frozen: the network.
        precision: what to compute in, `FLOAT32` or `BFLOAT16`.
    """

    def __init__(self, frozen: FrozenNetwork, precision: Precision) -> None:
        from tensorflow import compat

        # A session has options of its own; those of `tensorflow.function` belong to the process.
        options = compat.v1.ConfigProto()
        if precision is Precision.BFLOAT16:
            rewrites = options.graph_options.rewrite_options
            rewrites.auto_mixed_precision_onednn_bfloat16 = rewrites.ON
        self._session = compat.v1.Session(graph=frozen.graph, config=options)
        self._call = self._session.make_callable(frozen.output, feed_list=[frozen.input])
        self._at_once = frozen.photos_at_once
        self._running = Lock()  # a batch occupies all cores by itself

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features `(N, D)` of photos `(N, size, size, 3)`, not normalised."""
        starts = range(0, len(photos), self._at_once)
        with self._running:
            parts = [self._call(photos[start : start + self._at_once]) for start in starts]
        features: NDArray[np.float32] = np.concatenate(parts)
        return features

    def close(self) -> None:
        """Free what it holds; it can't be called any more."""
        self._session.close()
        _give_memory_back()


def _freeze(network: Any, size: int) -> Any:
    import tensorflow
    from tensorflow.python.framework import convert_to_constants

    # One trace for batches of every length.
    traced = tensorflow.function(
        lambda photos: network(tensorflow.cast(photos, tensorflow.float32), training=False),
        input_signature=[tensorflow.TensorSpec((None, size, size, 3), tensorflow.uint8)],
    )
    return convert_to_constants.convert_variables_to_constants_v2(traced.get_concrete_function())


def _give_memory_back() -> None:
    """Return freed memory to the system, which the C library keeps otherwise: some 0.7 GB."""
    gc.collect()
    with suppress(AttributeError, OSError):  # only glibc has the function
        ctypes.CDLL(None).malloc_trim(0)
