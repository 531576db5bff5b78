"""The ResNet50 that computes least gives what Keras's own gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.encoders import projection
from app.encoders.frozen import FrozenNetwork
from app.encoders.networks import build, build_for_inference, with_head
from app.encoders.registry import get_backbone

pytestmark = pytest.mark.slow

PHOTOS = np.random.default_rng(3).integers(0, 256, (2, 224, 224, 3)).astype(np.float32)
RESNET = get_backbone("resnet50")


@pytest.fixture(scope="module")
def whole(resnet_weights: Path) -> Any:
    """Keras's own network."""
    return build(RESNET, resnet_weights)


@pytest.fixture(scope="module")
def spared(resnet_weights: Path) -> Any:
    """The one that computes least."""
    return build_for_inference(RESNET, resnet_weights)


def test_the_features_are_those_of_the_whole_network(whole: Any, spared: Any) -> None:
    theirs, ours = (np.asarray(network(PHOTOS, training=False)) for network in (whole, spared))
    assert theirs.std() > 0.01
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * theirs.max())


def test_a_head_behind_it_sees_the_same(resnet_weights: Path, tmp_path: Path) -> None:
    shape, file = projection.Shape(hidden=32, dimensions=16), tmp_path / "headed.weights.h5"
    network = with_head(build(RESNET, resnet_weights), projection.build(2048, shape))
    network.save_weights(file)
    projection.mark(file, shape)
    spared = np.asarray(build_for_inference(RESNET, file)(PHOTOS, training=False))
    whole = np.asarray(network(PHOTOS, training=False))
    np.testing.assert_allclose(spared, whole, atol=1e-5)


def test_no_pixel_is_computed_and_then_skipped(whole: Any, spared: Any) -> None:
    assert _skipping(whole) == 6
    assert _skipping(spared) == 0


def test_no_bias_is_added_before_a_normalisation(whole: Any, spared: Any) -> None:
    assert _biased(whole) == 53
    assert _biased(spared) == 0


def _biased(network: Any) -> int:
    convolutions = [x for x in network.get_layer("resnet50").layers if x.name.endswith("_conv")]
    return sum(bool(np.any(layer.bias)) for layer in convolutions)


def _skipping(network: Any) -> int:
    """Count the convolutions of 1 × 1 that don't read every pixel."""
    graph = FrozenNetwork(lambda: network, RESNET.input_size).graph
    convolutions = [node for node in graph.get_operations() if node.type == "Conv2D"]
    assert len(convolutions) == 53
    return sum(
        tuple(node.inputs[1].shape[:2]) == (1, 1) and node.get_attr("strides")[1] > 1
        for node in convolutions
    )
