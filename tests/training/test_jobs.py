"""What the two kinds of training make: files that the registry's loader takes."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.encoders import projection
from app.encoders.encoder import Encoder
from app.encoders.registry import get_backbone
from app.encoders.training_record import fingerprints, record_training, training_record
from app.errors import LookalikeError
from app.photos.storage import open_storage
from app.settings import Settings
from worker.training import network_job
from worker.training.network_job import Teacher, train_network
from worker.training.outcome import Options
from worker.training.pixels import Pixels, StoredPhoto
from worker.training.products import Products, held_out
from worker.training.projection_job import Base, train_projection, vectors_of
from worker.training.recipe import Recipe, Stage

pytestmark = pytest.mark.slow

COMPACT = get_backbone("compact")
SQUARE = (COMPACT.input_size, COMPACT.input_size, 3)


@pytest.fixture
def products(tmp_path: Path) -> Products:
    """Sixty squares in two colours, one of them no photo, some without a label."""
    random = np.random.default_rng(0)
    storage, files, colours = open_storage(str(tmp_path), Settings(_env_file=None)), [], []
    for number in range(60):
        red = number % 2 == 0
        file = tmp_path / f"{number}.jpg"
        photo = np.full((80, 60, 3), 255, dtype=np.uint8)
        photo[20:60, 10:50] = (180, 20, 20) if red else (20, 20, 180)
        photo[20:60, 10:50] += random.integers(0, 40, size=(40, 40, 3), dtype=np.uint8)
        Image.fromarray(photo).save(file)
        files.append(StoredPhoto(storage, file.name))
        colours.append(None if number % 9 == 0 else "Red" if red else "Blue")
    (tmp_path / "7.jpg").write_bytes(b"no photo")
    return Products(
        [str(number) for number in range(60)],
        [f"Square {number}" for number in range(60)],
        files,
        {"base_colour": colours},
        {"base_colour": 1.0},
        ["squares"] * 60,
    )


@pytest.fixture
def options(tmp_path: Path) -> Options:
    stages = (
        Stage(epochs=1, learning_rate=(1e-3, 1e-3), size=48, uploads=0.5),
        Stage(epochs=1, learning_rate=(1e-3, 0), variation=0),
    )
    recipe = Recipe(stages=stages, batch_size=16, held_out=0.1, decoded_size=64)
    return Options({"base_colour": 1.0}, recipe, tmp_path / "run", hidden=True)


def another_teachers_features(
    _: Teacher, __: Pixels, rows: NDArray[np.int64], *, hidden: bool
) -> NDArray[np.float32]:
    """What a teacher says, without its network."""
    assert hidden
    return np.random.default_rng(2).normal(size=(len(rows), 8)).astype(np.float32)


def test_a_network_with_a_teacher(
    products: Products, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (224, 224, 3)
    keras.utils.set_random_seed(0)
    trunk = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=shape)
    trunk.save_weights(tmp_path / "teacher.weights.h5")
    teacher = Teacher(get_backbone("mobilenet_v2"), tmp_path / "teacher.weights.h5", 96)
    outcome = train_network(products, COMPACT, options, teacher=teacher)
    assert outcome.unreadable == 1
    assert "teacher_loss" in outcome.progress.history[0]
    record = training_record(outcome.weights)
    assert record is not None
    learnt = ~held_out(products.skus, 0.1)
    learnt[7] = False  # no photo
    assert record.has_seen(products.fingerprints()).tolist() == learnt.tolist()
    assert outcome.learned == len(record.products) == learnt.sum()
    assert 0 <= outcome.figures["squares"]["base_colour"]["precision@5"] <= 1
    photos = np.zeros((2, *SQUARE), dtype=np.uint8)
    vectors = Encoder(COMPACT, outcome.weights).encode(photos)
    assert vectors.shape == (2, 256)

    teacher.weights.write_bytes(b"another teacher's")
    monkeypatch.setattr(network_job, "teacher_features", another_teachers_features)
    with pytest.raises(LookalikeError, match="a run with another teacher weights, data: go on"):
        train_network(products, COMPACT, options, teacher=teacher)


def test_a_projection_behind_its_backbone_in_one_file(
    products: Products, options: Options, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    from app.encoders import compact

    compact.build().save_weights(tmp_path / "base.weights.h5")
    elsewhere = fingerprints(["elsewhere"], ["Hat"])
    record_training(tmp_path / "base.weights.h5", elsewhere, 0.2)
    base = Base(COMPACT, tmp_path / "base.weights.h5")
    vectors = vectors_of(products, base, hidden=True)
    assert vectors.unreadable == 1
    recipe = Recipe(stages=(Stage(epochs=1, learning_rate=(1e-3, 0)),), batch_size=16, held_out=0.1)
    options = replace(options, recipe=recipe)
    outcome = train_projection(vectors, base, 32, options)
    shape = projection.shape_in(outcome.weights)
    assert shape is not None
    assert shape.dimensions == 32
    assert projection.projected(COMPACT, shape).dimensions == 32
    assert projection.shape_in(base.weights) is None
    record = training_record(outcome.weights)
    assert record is not None
    assert record.has_seen(elsewhere).all()
    assert len(record.products) == 1 + outcome.learned

    random = np.random.default_rng(1)
    photos = random.integers(0, 256, size=(3, *SQUARE), dtype=np.uint8)
    together = Encoder(COMPACT, outcome.weights).encode(photos)
    head = projection.build(256, shape)
    assert together.shape == (3, 32)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    assert head.output_shape == (None, 32)

    with pytest.raises(LookalikeError, match="a run with another dimensions: go on"):
        train_projection(vectors, base, 48, options)
