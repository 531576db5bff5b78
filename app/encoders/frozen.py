"""A network as one graph of constants, which TensorFlow can fold, fuse and narrow."""

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.encoders.precision import Precision

PIXELS_AT_ONCE = 8 * 224 * 224
"""How many pixels go through a network together. On a CPU larger batches hold more memory and are
hardly faster: resnet50 does 57 photos/s by 8 and by 32, compact 1,880 by 32 and 2,000 by 64."""

NARROWING = "auto_mixed_precision_onednn_bfloat16"

REWRITES = ("constfold", "dependency", "remap")
"""The rewrites of a graph for a CPU, by TensorFlow's own names: compute what is constant, remove
what does nothing, fuse; then all three once more. Its default set, which holds these and more,
gives no faster graph and copies the weights more often: 2 s and 400 MB more for resnet50."""

M_MMAP_THRESHOLD = -3
"""glibc's number for the `mallopt` parameter: the size from which freed blocks are returned to the
system."""


class FrozenNetwork:
    """The graph of a Keras network with its weights made constants.

    TensorFlow folds batch normalisation into the convolution before it and fuses that with what
    follows, which it can't do in a graph that reads variables. The Keras network isn't kept.

    Args:
        build: makes the network, from float32 `(N, size, size, 3)` to float32 `(N, D)`.
        size: the edge of its input, in pixels.
    """

    def __init__(self, build: Callable[[], Any], size: int) -> None:
        with _thrifty():
            network = build()  # imports TensorFlow by load_keras, so it comes before the imports

            from keras import StatelessScope
            from tensorflow import cast, compat, config, constant, float32, uint8

            weights = [(variable, variable.numpy()) for variable in network.variables]
            self.graph = compat.v1.Graph()
            with self.graph.as_default():
                photos = compat.v1.placeholder(uint8, (None, size, size, 3))
                constants = [(variable, constant(value)) for variable, value in weights]
                with StatelessScope(state_mapping=constants):
                    features = network(cast(photos, float32), training=False)
            del network, weights
        self.input, self.output = photos.name, features.name
        self.size = size
        self.on_gpu = bool(config.list_physical_devices("GPU"))


class CompiledNetwork:
    """A frozen network, ready to run in one precision. Safe for threads.

    Args:
        frozen: the network.
        precision: what to compute in, `FLOAT32` or `BFLOAT16`.
        optimised: whether to spend some seconds on making it fast.
    """

    def __init__(
        self, frozen: FrozenNetwork, precision: Precision, *, optimised: bool = True
    ) -> None:
        from tensorflow import compat

        # A session's options are its own; those of `tensorflow.function` are the whole process's.
        options = compat.v1.ConfigProto()
        rewrites = options.graph_options.rewrite_options
        rewrites.disable_meta_optimizer = not optimised
        if precision is Precision.BFLOAT16:
            rewrites.optimizers.append(NARROWING)
        if not frozen.on_gpu:
            rewrites.optimizers.extend(REWRITES)
            # Else "remap" doesn't trust the input's shape and fuses no sum into a convolution.
            rewrites.remapping = rewrites.AGGRESSIVE
        self._at_once = max(1, PIXELS_AT_ONCE // frozen.size**2)
        with _thrifty():
            self._session = compat.v1.Session(graph=frozen.graph, config=options)
            self._call = self._session.make_callable(frozen.output, feed_list=[frozen.input])
            self._call(np.zeros((1, frozen.size, frozen.size, 3), np.uint8))  # compiles it

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features `(N, D)` of photos `(N, size, size, 3)`, not normalised."""
        if not len(photos):  # oneDNN refuses an empty batch
            return self(np.zeros((1, *photos.shape[1:]), np.uint8))[:0]
        starts = range(0, len(photos), self._at_once)
        parts = [self._call(photos[start : start + self._at_once]) for start in starts]
        features: NDArray[np.float32] = np.concatenate(parts)
        return features

    def close(self) -> None:
        """Free what it holds; it can't be called afterwards."""
        with _thrifty():
            self._session.close()


@contextmanager
def _thrifty() -> Iterator[None]:
    """Return memory that is freed within the block to the system; glibc would keep it.

    TensorFlow copies a graph and its weights repeatedly while it optimises them: 0.9 GB.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):  # another C library
        yield
        return
    library.mallopt(M_MMAP_THRESHOLD, 1 << 17)
    try:
        yield
    finally:
        gc.collect()
        library.malloc_trim(0)
        library.mallopt(M_MMAP_THRESHOLD, 1 << 25)  # keep the blocks of a batch for the next
