"""What a weights file says of the products that its network was trained on."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from app.encoders.training_record import fingerprints, record_training, training_record


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "some.weights.h5"
    with h5py.File(file, "w") as content:
        content.create_dataset("layers/dense/vars/0", data=np.ones(4))
    return file


def test_a_record_is_read_back(weights: Path) -> None:
    assert training_record(weights) is None
    products = fingerprints(["A", "B", "A"], ["Shirt", None, "Shirt"])
    record_training(weights, products, 0.15)
    record = training_record(weights)
    assert record is not None
    assert record.held_out == 0.15
    asked = fingerprints(["B", "A", "A", "B"], [None, "Shirt", "Shoe", "Shirt"])
    assert record.has_seen(asked).tolist() == [True, True, False, False]
    with h5py.File(weights) as content:
        assert content["layers/dense/vars/0"][()].tolist() == [1, 1, 1, 1]


def test_what_the_first_weights_have_learnt_is_added(weights: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.weights.h5"
    earlier.write_bytes(weights.read_bytes())
    record_training(earlier, fingerprints(["A"], ["Shirt"]), 0.5)
    record_training(weights, fingerprints(["B"], ["Shoe"]), 0.15, begun_from=earlier)
    record_training(weights, fingerprints(["C"], ["Hat"]), 0.15, begun_from=weights)
    record = training_record(weights)
    assert record is not None
    asked = fingerprints(["A", "B", "C", "D"], ["Shirt", "Shoe", "Hat", "Sock"])
    assert record.has_seen(asked).tolist() == [True, True, True, False]


def test_the_same_products_in_any_order_are_the_same_catalog(weights: Path) -> None:
    names = []
    for skus in (["A", "B"], ["B", "A"], ["B", "C"]):
        record_training(weights, fingerprints(skus, ["x", "x"]), 0.15)
        record = training_record(weights)
        assert record is not None
        names.append(record.catalog())
    assert names[0] == names[1] != names[2]


def test_a_file_that_is_no_hdf5_has_no_record(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no weights")
    assert training_record(tmp_path / "text") is None
