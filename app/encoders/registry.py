"""The registry of backbones. Importing it loads neither weights nor TensorFlow."""

from dataclasses import dataclass, replace

from app.errors import LookalikeError
from app.photos.decode import Resize

KERAS_WEIGHTS = "https://storage.googleapis.com/tensorflow/keras-applications"
"""Base URL of the weights of `keras.applications`."""


@dataclass(frozen=True)
class Backbone:
    """A network with its pooling and preprocessing: photos in, one vector each out."""

    name: str
    dimensions: int
    """Length of the vector."""
    input_size: int
    """Edge of the square input, in pixels."""
    resize: Resize
    pooling: str
    """How the last feature map becomes a vector."""
    preprocessing: str
    """How RGB values 0 to 255 are transformed before the first layer."""
    default_weights: str
    """Name of the ImageNet weights in Keras's cache, or of a file in this package."""
    download: str | None = None
    """URL of the folder that `default_weights` is downloaded from; None if it is bundled."""

    def described_preprocessing(self) -> str:
        """Return the `preprocessing` of a model's row: all steps before the first layer."""
        return f"{self.resize} resize, {self.preprocessing}"


BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="resnet50",
            dimensions=2048,
            input_size=224,
            resize=Resize.NEAREST,
            pooling="max",
            preprocessing="keras.applications.resnet50.preprocess_input",
            default_weights="resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            download=f"{KERAS_WEIGHTS}/resnet",
        ),
        Backbone(
            name="mobilenet_v2",
            dimensions=1280,
            input_size=224,
            resize=Resize.NEAREST,
            pooling="max",
            preprocessing="keras.applications.mobilenet_v2.preprocess_input",
            default_weights="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
            download=f"{KERAS_WEIGHTS}/mobilenet_v2",
        ),
        Backbone(
            name="compact",
            dimensions=256,
            input_size=80,
            resize=Resize.ANTIALIAS,
            pooling="attention",
            preprocessing="inside the network",
            default_weights="compact.weights.h5",
        ),
    )
}


def get_backbone(name: str) -> Backbone:
    """Return the backbone of that name.

    Raises:
        LookalikeError: there is none; the text lists those that exist.
    """
    try:
        return BACKBONES[name]
    except KeyError:
        names = ", ".join(BACKBONES)
        raise LookalikeError(f"there is no backbone called {name!r}; there are {names}") from None


def registered_backbone(name: str, preprocessing: str) -> Backbone:
    """Return a backbone with the resize method that a model was registered with.

    Args:
        name: the backbone's name.
        preprocessing: the model's `described_preprocessing`.

    Raises:
        LookalikeError: this version has no such backbone.
    """
    return replace(get_backbone(name), resize=Resize(preprocessing.split()[0]))
