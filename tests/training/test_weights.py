"""Half-precision weights files: half the size, and read by Keras as they are."""

from pathlib import Path

import keras
import numpy as np
import pytest

from app.errors import LookalikeError
from worker.training.network_job import save_half_precision

pytestmark = pytest.mark.slow


def network(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    vector = keras.Input((300,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(200)(vector))
    return keras.Model(vector, hidden)


def test_keras_reads_it_back_to_half_precision(tmp_path: Path) -> None:
    file = tmp_path / "model.weights.h5"
    saved, loaded = network(1), network(2)
    save_half_precision(saved, file)
    loaded.load_weights(file)
    for ours, theirs in zip(loaded.get_weights(), saved.get_weights(), strict=True):
        assert (ours == theirs.astype(np.float16)).all()
    assert file.stat().st_size < 0.6 * 4 * saved.count_params()
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("value", [1e6, float("nan")])
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, value: float) -> None:
    broken = network(1)
    broken.layers[1].kernel.assign(broken.layers[1].kernel * 0 + value)
    with pytest.raises(LookalikeError, match="do not fit float16"):
        save_half_precision(broken, tmp_path / "model.weights.h5")
    assert list(tmp_path.iterdir()) == []
