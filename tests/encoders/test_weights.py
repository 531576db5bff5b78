"""Weights files: both formats load, anything else is refused, and each is kept by its hash."""

import hashlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from app.encoders import networks, weights
from app.encoders.encoder import Encoder
from app.encoders.precision import Precision
from app.encoders.registry import BACKBONES, get_backbone
from app.errors import LookalikeError, MissingWeightsError

pytestmark = pytest.mark.slow

PHOTOS = np.random.default_rng(0).integers(0, 255, (2, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def legacy_file(keras: Any, resnet_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights in the format of Keras's own `…_notop.h5`."""
    from keras.src.legacy.saving import legacy_h5_format

    network = keras.applications.ResNet50(weights=None, include_top=False)
    network.load_weights(resnet_weights)
    file = tmp_path_factory.mktemp("legacy") / "resnet50_notop.h5"
    with h5py.File(file, "w") as content:
        legacy_h5_format.save_weights_to_hdf5_group(content, network)
    return file


def test_both_formats_give_the_same_network(resnet_weights: Path, legacy_file: Path) -> None:
    backbone = get_backbone("resnet50")
    new, old = (
        networks.build(backbone, file).get_weights() for file in (resnet_weights, legacy_file)
    )
    assert len(new) > 300
    for one, other in zip(new, old, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_kept_file_loads_whatever_it_was_called(legacy_file: Path, tmp_path: Path) -> None:
    sha256 = weights.keep(legacy_file, tmp_path)
    assert sha256 == hashlib.sha256(legacy_file.read_bytes()).hexdigest()
    found = weights.find(sha256, get_backbone("resnet50"), tmp_path)
    assert found == tmp_path / "weights" / f"{sha256}.weights.h5"
    encoder = Encoder(get_backbone("resnet50"), found, Precision.FLOAT32)
    assert encoder.encode(PHOTOS).shape == (2, 2048)


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "other network", "empty h5"])
def test_other_files_are_refused_in_one_line(
    kind: str, resnet_weights: Path, tmp_path: Path
) -> None:
    file = tmp_path / "wrong.weights.h5"
    backbone = get_backbone("compact")
    if kind == "text":
        file.write_text("no weights at all")
    elif kind == "empty":
        file.touch()
    elif kind == "cut":
        file.write_bytes(resnet_weights.read_bytes()[:100_000])
    elif kind == "empty h5":
        h5py.File(file, "w").close()
    else:
        file.write_bytes(resnet_weights.read_bytes())
    with pytest.raises(LookalikeError, match=r"wrong.weights.h5 holds no weights of") as raised:
        Encoder(backbone, file)
    assert "expected what save_weights writes" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_weights_say_which_and_where(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(weights, "default_file", _unavailable)
    with pytest.raises(LookalikeError, match="lacks the weights of resnet50") as raised:
        weights.find("ab" * 32, get_backbone("resnet50"), tmp_path)
    assert str(tmp_path / "weights" / f"{'ab' * 32}.weights.h5") in str(raised.value)


def test_other_weights_under_the_name_are_refused(tmp_path: Path, resnet_weights: Path) -> None:
    sha256 = weights.keep(resnet_weights, tmp_path)
    kept = weights.find(sha256, get_backbone("resnet50"), tmp_path)
    with kept.open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(MissingWeightsError, match=f"{kept} has the SHA-256 "):
        weights.find(sha256, get_backbone("resnet50"), tmp_path)


def test_keras_cache_is_asked_for_imagenet_weights(
    keras: Any, resnet_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def get_file(name: str, origin: str, cache_dir: str, cache_subdir: str) -> str:
        asked.append((name, origin))
        assert (cache_dir, cache_subdir) == ("/srv/keras", "models")
        return str(resnet_weights)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    monkeypatch.setenv("KERAS_HOME", "/srv/keras")
    assert weights.default_file(get_backbone("resnet50")) == resnet_weights
    ((name, origin),) = asked
    assert origin.endswith(f"/keras-applications/resnet/{name}")


def test_without_network_both_ways_out_are_named(
    keras: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_file(*_: Any, **__: Any) -> str:
        raise OSError("no route to host")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(LookalikeError, match="connect to the internet, or name a weights file"):
        weights.default_file(get_backbone("resnet50"))


@pytest.mark.parametrize("name", [b for b in BACKBONES if BACKBONES[b].download is None])
def test_bundled_weights_are_small_and_there(name: str) -> None:
    file = weights.default_file(get_backbone(name))
    assert 0 < file.stat().st_size <= 4 * 1024 * 1024


def test_the_registrys_names_are_keras_own(keras: Any) -> None:
    """Keras's constructors, asked for ImageNet weights, ask for the very files of the registry."""
    from keras.src.utils import file_utils

    asked: list[str] = []

    class StopHereError(Exception):
        pass

    def get_file(name: str, origin: str, **_: Any) -> str:
        asked.append(origin)
        assert origin.endswith(name)
        raise StopHereError

    original = file_utils.get_file
    file_utils.get_file = get_file
    try:
        for constructor in (keras.applications.ResNet50, keras.applications.MobileNetV2):
            with pytest.raises(StopHereError):
                constructor(weights="imagenet", include_top=False, input_shape=(224, 224, 3))
    finally:
        file_utils.get_file = original
    registered = [
        b for b in BACKBONES.values() if b.download in {a.rpartition("/")[0] for a in asked}
    ]
    assert sorted(asked) == sorted(f"{b.download}/{b.default_weights}" for b in registered)
    assert len(asked) == 2


def _unavailable(_: Any) -> Path:
    raise LookalikeError("not here")
