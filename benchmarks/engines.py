"""What a network's photos a second are compared with: other engines, and the processor's own limit.

Each engine takes a Keras network and gives a function from photos `(N, size, size, 3)`, uint8, to
features `(N, D)`; `None` where the library isn't installed (the extra `bench` has them).
"""

import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.encoders.encoder import Encoder
from app.encoders.keras_import import load_keras
from app.encoders.networks import build, build_for_inference
from app.encoders.precision import Precision
from app.encoders.registry import Backbone
from app.photos.decode import load_photo

Forward = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

BATCH = 64
TURNS = 7
MATRIX_EDGE = 2048
ROOF_SECONDS = 3.0


def bare_rates(backbone: Backbone, weights: Path, files: list[Path]) -> dict[str, float]:
    """Return photos a second by engine, medians of turns taken one after the other."""
    size = backbone.input_size
    photos = np.stack([load_photo(f.read_bytes(), size, backbone.resize) for f in files[:BATCH]])
    engines: dict[str, Forward] = {}
    for precision in (Precision.FLOAT32, Precision.BFLOAT16):
        encoder = Encoder(backbone, weights, precision)
        engines[str(encoder.precision)] = encoder.encode
    network = build_for_inference(backbone, weights)
    for name, convert in (("ONNX Runtime", onnx_runtime), ("OpenVINO", open_vino)):
        forward = convert(network, size)
        if forward is None:
            print(f"{name} is not installed: pip install 'lookalike[bench]'")
        else:
            engines[name] = forward
    times: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(TURNS + 1):
        for name, forward in engines.items():
            begun = time.perf_counter()
            forward(photos)
            if turn:  # the first one warms up
                times[name].append(time.perf_counter() - begun)
    return {name: len(photos) / statistics.median(taken) for name, taken in times.items()}


def reference_rate(backbone: Backbone, weights: Path, files: list[Path]) -> float:
    """Return photos a second of the recipe that notebooks have: one photo, one `predict`."""
    keras = load_keras()
    network = build(backbone, weights)
    edges = (backbone.input_size, backbone.input_size)

    def embed(file: Path) -> None:
        image = keras.utils.load_img(file, target_size=edges)
        network.predict(keras.utils.img_to_array(image)[None], verbose=0)

    embed(files[0])
    begun = time.perf_counter()
    for file in files:
        embed(file)
    return len(files) / (time.perf_counter() - begun)


def matrix_product_roof(dtype: str) -> float:
    """Return the most GFLOP/s that TensorFlow reaches here in a product of two large matrices."""
    import tensorflow

    one = tensorflow.cast(tensorflow.random.normal((MATRIX_EDGE, MATRIX_EDGE)), dtype)
    multiply = tensorflow.function(tensorflow.matmul)
    multiply(one, one).numpy()
    best = float("inf")
    until = time.perf_counter() + ROOF_SECONDS
    while time.perf_counter() < until:
        begun = time.perf_counter()
        multiply(one, one).numpy()
        best = min(best, time.perf_counter() - begun)
    return 2 * MATRIX_EDGE**3 / best / 1e9


def gflop_per_photo(network: Any, size: int) -> float:
    """Return the billions of floating-point operations of one photo, by TensorFlow's profiler."""
    import tensorflow

    graph = _frozen(network, size, batch=1).graph
    profiler = tensorflow.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    counted = profiler.profile(graph, options=options.with_empty_output().build())
    return float(counted.total_float_ops) / 1e9


def onnx_runtime(network: Any, size: int) -> Forward | None:
    """Convert a network for ONNX Runtime, which computes in float32."""
    if not _installed("onnxruntime", "tf2onnx"):
        return None
    import onnxruntime

    session = onnxruntime.InferenceSession(
        _as_onnx(network, size), providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name

    def forward(photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        features: NDArray[np.float32] = session.run(None, {name: photos.astype(np.float32)})[0]
        return features

    return forward


def open_vino(network: Any, size: int) -> Forward | None:
    """Convert a network for OpenVINO, which computes in bfloat16 where the processor has it."""
    if not _installed("openvino", "tf2onnx"):
        return None
    import openvino

    core = openvino.Core()
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        Path(file.name).write_bytes(_as_onnx(network, size))
        compiled = core.compile_model(core.read_model(file.name), "CPU")

    def forward(photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        features: NDArray[np.float32] = compiled(photos.astype(np.float32))[0]
        return features

    return forward


def _as_onnx(network: Any, size: int) -> bytes:
    import tf2onnx

    frozen = _frozen(network, size)
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(),
        input_names=[frozen.inputs[0].name],
        output_names=[frozen.outputs[0].name],
        opset=17,
    )
    return bytes(model.SerializeToString())


def _frozen(network: Any, size: int, batch: int | None = None) -> Any:
    import tensorflow
    from tensorflow.python.framework import convert_to_constants

    traced = tensorflow.function(lambda photos: network(photos, training=False))
    return convert_to_constants.convert_variables_to_constants_v2(
        traced.get_concrete_function(tensorflow.TensorSpec((batch, size, size, 3)))
    )


def _installed(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in modules)
