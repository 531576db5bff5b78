"""A network as one graph of constants: TensorFlow folds, fuses and narrows what it then can."""

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
"""What TensorFlow does to a graph for a CPU, by its own names: compute what is constant, take out
what does nothing, fuse, and all that once more. The twenty things that it does by default give as
fast a graph and copy the weights more often: for resnet50 2 s and 400 MB more."""

M_MMAP_THRESHOLD = -3
"""Which parameter of glibc's `mallopt`: blocks from this size on go back once they are freed."""


class FrozenNetwork:
    """The graph of a Keras network with its weights made constants.

    Batch normalisation is folded into the convolutions before it, and these are fused with what
    follows, which a graph that reads variables doesn't allow. The network itself isn't kept.

    Args:
        build: makes the network, from float32 `(N, size, size, 3)` to float32 `(N, D)`.
        size: the edge of its input, in pixels.
    """

    def __init__(self, build: Callable[[], Any], size: int) -> None:
        with _thrifty():
            network = build()  # which imports TensorFlow in the quiet way

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
    """A frozen network, ready to run in one precision. Any number of threads may call it.

    Args:
        frozen: the network.
        precision: what to compute in, `FLOAT32` or `BFLOAT16`.
        optimised: whether to spend some seconds on what makes it fast.
    """

    def __init__(
        self, frozen: FrozenNetwork, precision: Precision, *, optimised: bool = True
    ) -> None:
        from tensorflow import compat

        # A session has options of its own; those of `tensorflow.function` belong to the process.
        options = compat.v1.ConfigProto()
        rewrites = options.graph_options.rewrite_options
        rewrites.disable_meta_optimizer = not optimised
        if precision is Precision.BFLOAT16:
            rewrites.optimizers.append(NARROWING)
        if not frozen.on_gpu:
            rewrites.optimizers.extend(REWRITES)
            # "remap" then trusts the shape of what is fed, or it fuses no sum into a convolution.
            rewrites.remapping = rewrites.AGGRESSIVE
        self._at_once = max(1, PIXELS_AT_ONCE // frozen.size**2)
        with _thrifty():
            self._session = compat.v1.Session(graph=frozen.graph, config=options)
            self._call = self._session.make_callable(frozen.output, feed_list=[frozen.input])
            self._call(np.zeros((1, frozen.size, frozen.size, 3), np.uint8))  # compiles it

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features `(N, D)` of photos `(N, size, size, 3)`, not normalised."""
        if not len(photos):  # which oneDNN refuses
            return self(np.zeros((1, *photos.shape[1:]), np.uint8))[:0]
        starts = range(0, len(photos), self._at_once)
        parts = [self._call(photos[start : start + self._at_once]) for start in starts]
        features: NDArray[np.float32] = np.concatenate(parts)
        return features

    def close(self) -> None:
        """Free what it holds; it can't be called any more."""
        with _thrifty():
            self._session.close()


@contextmanager
def _thrifty() -> Iterator[None]:
    """Have freed memory given back to the system, which glibc keeps otherwise.

    TensorFlow copies a graph with its weights some ten times while it optimises it: 0.9 GB.
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
        library.mallopt(M_MMAP_THRESHOLD, 1 << 25)  # so that a batch's blocks are used again
