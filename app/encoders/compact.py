"""The bundled network: a small residual trunk that sees shape, and a branch that sees colour.

The trunk follows He et al., "Deep Residual Learning for Image Recognition" (2016). A trunk trained
for garment types learns to ignore colour, so colour has a path of its own: a learned soft histogram
of the photo's pixels, weighted by where the trunk finds the garment.
"""

from typing import Any

import keras
from keras import layers

INPUT_SIZE = 80
STRIDE = 16
"""Pixels of the input to one of the last feature map: the input's edges are multiples of it."""

DIMENSIONS = 256

STEM_WIDTH = 48
"""Channels after the first convolution, 20 pixels wide."""

WIDTHS = (96, 256)
"""Channels of the two stages of the trunk, 10 and 5 pixels wide."""

COLOUR_BINS = 64
"""Channels of the soft colour histogram."""

GLANCES = 4
"""Number of colour histograms, each of another part of the garment."""

_COLOUR_STRIDE = 4
_BATCH_NORM_MOMENTUM = 0.99


def build(size: int | None = INPUT_SIZE) -> keras.Model:
    """Build the network with random weights.

    Args:
        size: edge of the input, in pixels, a multiple of `STRIDE`; None for any such edge, as
            training at several sizes needs. The weights are the same.

    Returns:
        A model from photos, float32 RGB 0 to 255, shape `(N, size, size, 3)`, to embeddings of unit
        length, float32, shape `(N, 256)`. Its layer `features` gives the pooled trunk and colour
        features that the embedding is made from, before they are projected to 256 dimensions.
    """
    photo = keras.Input((size, size, 3), name="photo")
    pixels = layers.Rescaling(1 / 127.5, offset=-1)(photo)
    shape_map = _trunk(pixels)
    features = layers.Concatenate(name="features")(
        [
            layers.GlobalAveragePooling2D()(shape_map),
            layers.GlobalMaxPooling2D()(shape_map),
            _colour_histogram(pixels, shape_map),
        ]
    )
    embedding = layers.Dense(DIMENSIONS, use_bias=False, name="projection")(features)
    embedding = layers.BatchNormalization(momentum=_BATCH_NORM_MOMENTUM)(embedding)
    embedding = layers.UnitNormalization(dtype="float32", name="embedding")(embedding)
    return keras.Model(photo, embedding, name="compact")


def _trunk(pixels: Any) -> Any:
    """Map pixels `(N, S, S, 3)` to shape features `(N, S / 16, S / 16, WIDTHS[-1])`.

    The first convolution has stride 4: at full and half width most of the time would go into
    normalising large maps of few channels, and product photos on white lose little.
    """
    x = _convolution(pixels, STEM_WIDTH, stride=4, kernel=7)
    for width in WIDTHS:
        x = _convolution(x, width, stride=2)
        x = _residual_block(x, width)
    return x


def _colour_histogram(pixels: Any, shape_map: Any) -> Any:
    """Pool a code of each pixel's colour over the garment: shape `(N, COLOUR_BINS * GLANCES)`.

    Two 1 × 1 convolutions encode each pixel of a thumbnail of a quarter of the width, which
    separates colour from texture; softmaxes over all positions, computed from the trunk, weight the
    pixels.
    """
    thumbnail = layers.AveragePooling2D(_COLOUR_STRIDE)(pixels)
    code = _convolution(thumbnail, COLOUR_BINS, kernel=1)
    code = _convolution(code, COLOUR_BINS, kernel=1)
    code = layers.Reshape((-1, COLOUR_BINS))(code)

    attention = layers.Conv2D(GLANCES, 1, name="attention")(shape_map)
    attention = layers.UpSampling2D(STRIDE // _COLOUR_STRIDE, interpolation="bilinear")(attention)
    attention = layers.Softmax(axis=1)(layers.Reshape((-1, GLANCES))(attention))
    return layers.Flatten()(layers.Dot(axes=1)([code, attention]))


def _residual_block(x: Any, width: int) -> Any:
    y = _convolution(x, width)
    y = _convolution(y, width, activate=False)
    return layers.ReLU()(layers.Add()([x, y]))


def _convolution(
    x: Any, width: int, *, stride: int = 1, kernel: int = 3, activate: bool = True
) -> Any:
    """Convolve, normalise and, by default, rectify."""
    x = layers.Conv2D(
        width,
        kernel,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    x = layers.BatchNormalization(momentum=_BATCH_NORM_MOMENTUM)(x)
    return layers.ReLU()(x) if activate else x
