"""The backbones that lookalike knows; reading this list loads no weight and no TensorFlow."""

from dataclasses import dataclass, replace

from app.errors import LookalikeError
from app.photos.decode import Resize

KERAS_WEIGHTS = "https://storage.googleapis.com/tensorflow/keras-applications"
"""Where `keras.applications` has its weights."""


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
    """What happens to the RGB values 0 to 255 before the first layer."""
    default_weights: str
    """The ImageNet weights file, by its name in Keras's cache; or a file of this package."""
    download: str | None = None
    """Folder at Keras's own address that `default_weights` is downloaded from; None: bundled."""

    def described_preprocessing(self) -> str:
        """Return what a model's row says of the way from a photo to the first layer."""
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
            input_size=112,
            resize=Resize.LETTERBOX,
            pooling="attention",
            preprocessing="inside the network",
            default_weights="compact.weights.h5",
        ),
    )
}


def get_backbone(name: str) -> Backbone:
    """Return the backbone of that name.

    Raises:
        LookalikeError: there is none; the text lists those there are.
    """
    try:
        return BACKBONES[name]
    except KeyError:
        known = ", ".join(BACKBONES)
        raise LookalikeError(f"no backbone is called {name!r}; there are {known}") from None


def registered_backbone(name: str, preprocessing: str) -> Backbone:
    """Return a backbone with the resizing that a model was registered with.

    Args:
        name: the backbone's name.
        preprocessing: what `described_preprocessing` gave for the model.

    Raises:
        LookalikeError: this version has no such backbone.
    """
    return replace(get_backbone(name), resize=Resize(preprocessing.split()[0]))
