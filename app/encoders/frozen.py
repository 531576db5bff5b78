"""A network as one graph of constants: TensorFlow folds, fuses and narrows what it then can."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.encoders.precision import Precision

Forward = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From photos `(N, size, size, 3)` to pooled features `(N, D)`, not normalised; thread-safe."""


class FrozenNetwork:
    """The graph of a Keras network with its weights made constants.

    Batch normalisation is folded into the convolutions before it, and these are fused with what
    follows, which a graph that reads variables doesn't allow.

    Args:
        network: from float32 `(N, size, size, 3)` to float32 `(N, D)`.
        size: the edge of its input, in pixels.
    """

    def __init__(self, network: Any, size: int) -> None:
        import tensorflow
        from tensorflow.python.framework import convert_to_constants

        # One trace for batches of every length.
        signature = [tensorflow.TensorSpec((None, size, size, 3), tensorflow.uint8)]
        traced = tensorflow.function(
            lambda photos: network(tensorflow.cast(photos, tensorflow.float32), training=False),
            input_signature=signature,
        )
        self._frozen = convert_to_constants.convert_variables_to_constants_v2(
            traced.get_concrete_function()
        )
        self.on_gpu = bool(tensorflow.config.list_physical_devices("GPU"))

    def forward(self, precision: Precision) -> Forward:
        """Compile the graph for a precision, `FLOAT32` or `BFLOAT16`."""
        from tensorflow import compat

        # A session has options of its own; those of `tensorflow.function` belong to the process.
        options = compat.v1.ConfigProto()
        if precision is Precision.BFLOAT16:
            rewrites = options.graph_options.rewrite_options
            rewrites.auto_mixed_precision_onednn_bfloat16 = rewrites.ON
        session = compat.v1.Session(graph=self._frozen.graph, config=options)
        forward: Forward = session.make_callable(
            self._frozen.outputs[0].name, feed_list=[self._frozen.inputs[0].name]
        )
        return forward
