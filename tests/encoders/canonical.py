"""Drawn photos and made-up weights that never change, and the vectors expected of them.

`python -m tests.encoders.canonical` writes the expected vectors anew: run it when a change is
meant, and say in the commit what changed them.
"""

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.encoders.encoder import Encoder
from app.encoders.keras_import import load_keras
from app.encoders.registry import BACKBONES, Backbone
from app.encoders.weights import default_file
from app.photos.decode import load_photo

FOLDER = Path(__file__).with_name("canonical")


def photos() -> list[bytes]:
    """Three image files: a PNG that is wider than high, a BMP that is higher, a drawn shirt."""
    wide = Image.new("RGB", (300, 180), "white")
    ImageDraw.Draw(wide).ellipse((20, 30, 280, 150), fill=(200, 40, 60))
    ramp = np.add.outer(np.arange(320), np.arange(240)) % 256
    high = Image.fromarray(np.stack([ramp, ramp[::-1], 255 - ramp], axis=2).astype(np.uint8))
    shirt = Image.new("RGB", (224, 224), "white")
    outline = [(60, 40), (95, 30), (129, 30), (164, 40), (200, 90), (172, 108), (160, 92)]
    outline += [(160, 200), (64, 200), (64, 92), (52, 108), (24, 90)]
    ImageDraw.Draw(shirt).polygon(outline, fill=(30, 60, 140))
    return [_file(wide, "PNG"), _file(high, "BMP"), _file(shirt, "PNG")]


def vectors(backbone: Backbone, folder: Path) -> NDArray[np.float32]:
    """Embed the photos with bundled weights, or else with made-up ones, kept in `folder`."""
    if backbone.download is None:
        file = default_file(backbone)
    else:
        file = folder / f"{backbone.name}.weights.h5"
        _make_up(backbone).save_weights(file)
    pixels = [load_photo(data, backbone.input_size, backbone.resize) for data in photos()]
    return Encoder(backbone, file).encode(np.stack(pixels))


def expected(backbone: Backbone) -> NDArray[np.float32]:
    """Return the vectors on file."""
    return np.array(json.loads((FOLDER / f"{backbone.name}.json").read_text()), dtype=np.float32)


def _make_up(backbone: Backbone) -> Any:
    """Return a network without its top, with weights from a generator that is fixed for ever."""
    keras = load_keras()
    constructor = {
        "resnet50": keras.applications.ResNet50,
        "mobilenet_v2": keras.applications.MobileNetV2,
    }[backbone.name]
    shape = (backbone.input_size, backbone.input_size, 3)
    trunk = constructor(weights=None, include_top=False, input_shape=shape)
    random = np.random.default_rng(2026)
    for variable in trunk.weights:
        if "kernel" in variable.path:
            fan_in = int(np.prod(variable.shape[:-1]))
            variable.assign(random.normal(0, (2 / fan_in) ** 0.5, size=variable.shape))
    return trunk


def _file(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        for backbone in BACKBONES.values():
            rounded = vectors(backbone, Path(temporary)).astype(float).round(4).tolist()
            (FOLDER / f"{backbone.name}.json").write_text(json.dumps(rounded) + "\n")
