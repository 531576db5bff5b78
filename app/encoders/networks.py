"""The networks in the registry. Importing this module loads no TensorFlow; building one does."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import h5py

from app.encoders import lean_resnet, projection
from app.encoders.keras_import import load_keras
from app.encoders.registry import Backbone
from app.errors import LookalikeError, in_one_line


def build(backbone: Backbone, weights: Path | None, *, any_size: bool = False) -> Any:
    """Build a network from pixels to pooled features, with its head if the weights have one.

    Args:
        backbone: the registry's entry.
        weights: its weights file, with or without a head (see `projection`), or None for random
            weights.
        any_size: take photos of other sizes than `input_size` too, as some stages of training do.

    Returns:
        A Keras model from RGB 0 to 255, float32 `(N, size, size, 3)`, to float32
        `(N, dimensions)`, not normalised.

    Raises:
        LookalikeError: the file holds no weights of this network.
    """
    shape = None if weights is None else projection.shape_in(weights)
    if shape is None:
        return _backbone(backbone, weights, any_size)
    trunk = _backbone(backbone, None, any_size)
    network = with_head(trunk, projection.build(trunk.output_shape[-1], shape))
    _load_weights(network, weights, backbone)
    return network


def build_for_inference(backbone: Backbone, weights: Path | None) -> Any:
    """Build the same network in the form that computes least, which can't be trained or saved."""
    network = build(backbone, weights)
    return lean_resnet.lean(network) if backbone.name == "resnet50" else network


def with_head(network: Any, head: Any) -> Any:
    """Return a network followed by a head (see `projection`)."""
    return load_keras().Model(network.input, head(network.output))


def _backbone(backbone: Backbone, weights: Path | None, any_size: bool) -> Any:
    keras = load_keras()
    edge = None if any_size else backbone.input_size
    if backbone.download is None:
        from app.encoders import compact

        network = compact.build(edge)
        _load_weights(network, weights, backbone)
        return network
    module, constructor = {
        "resnet50": (keras.applications.resnet50, keras.applications.ResNet50),
        "mobilenet_v2": (keras.applications.mobilenet_v2, keras.applications.MobileNetV2),
    }[backbone.name]
    shape = (edge, edge, 3)
    trunk = constructor(weights=None, include_top=False, input_shape=shape)
    _load_weights(trunk, weights, backbone)
    pixels = keras.Input(shape)
    # A layer, so that its constants are created in whichever graph it is called.
    features = trunk(keras.layers.Lambda(module.preprocess_input)(pixels))
    return keras.Model(pixels, keras.layers.GlobalMaxPooling2D()(features))


def _load_weights(network: Any, file: Path | None, backbone: Backbone) -> None:
    if file is None:
        return
    try:
        # Keras tells the two formats apart by the file's name, which the user may have changed.
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error below says it, once
            link = Path(folder) / f"link{_format_suffix(file)}"
            link.symlink_to(file.resolve())
            network.load_weights(link)
    except (ValueError, KeyError, OSError, AttributeError, TypeError) as error:
        reason = in_one_line(error, 160)
        raise LookalikeError(
            f"{file} holds no weights of {backbone.name} ({reason}): expected what save_weights "
            "writes of the network without its top (.weights.h5), or Keras's own …_notop.h5"
        ) from None


def _format_suffix(file: Path) -> str:
    with h5py.File(file, "r") as content:
        legacy = "layer_names" in content.attrs or "model_weights" in content
    return ".h5" if legacy else ".weights.h5"
