"""The training loop: it learns, it stops in time, and a kill costs one epoch at most."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from app.errors import LookalikeError
from worker.training.checkpoint import Checkpoint
from worker.training.examples import Examples
from worker.training.labels import encode_labels
from worker.training.loop import train
from worker.training.recipe import Recipe, Stage

pytestmark = pytest.mark.slow

RECIPE = Recipe(
    stages=(
        Stage(epochs=3, learning_rate=(0.02, 0.02)),
        Stage(epochs=5, learning_rate=(0.02, 0)),
    ),
    batch_size=32,
    seed=3,
)


def lasting(epochs: int, rate: float = 0.02, **others: object) -> Recipe:
    """Return the recipe with one stage."""
    stage = Stage(epochs=epochs, learning_rate=(rate, 0))
    return RECIPE.model_copy(update={"stages": (stage,), **others})


@pytest.fixture
def examples() -> Examples:
    """Two labels that hide in 3 of 24 numbers, some of them missing, a class seen once."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(300, 24)).astype(np.float32)
    inputs[:, :3] *= 2
    shapes = [f"shape {int(x > 0)}{int(y > 0)}" for x, y in inputs[:, :2]]
    colours: list[str | None] = ["red" if z > 0 else "blue" for z in inputs[:, 2]]
    colours[:30] = [None] * 30
    shapes[5] = "seen once"
    labels = encode_labels({"shape": shapes, "цвет": colours}, {"shape": 1.0, "цвет": 0.5})
    return Examples(inputs, labels, np.arange(300) % 5 == 0, np.arange(300))


def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    vector = keras.Input((24,))
    hidden = keras.layers.Dense(32, activation="relu")(vector)
    return keras.Model(vector, keras.layers.UnitNormalization()(keras.layers.Dense(8)(hidden)))


def test_it_learns(examples: Examples, tmp_path: Path) -> None:
    progress = train(network(), examples, RECIPE, tmp_path, hidden=True)
    first, best = progress.history[0], progress.history[progress.best_epoch - 1]
    assert best["held-out shape"] > 0.7
    assert best["held-out цвет"] > 0.7
    assert best["loss"] < first["loss"]


def test_a_run_cut_short_ends_like_one_that_was_not(examples: Examples, tmp_path: Path) -> None:
    stages = [stage.model_copy(update={"epochs": 2}) for stage in RECIPE.stages]
    recipe = RECIPE.model_copy(update={"stages": tuple(stages)})
    whole = network()
    train(whole, examples, recipe, tmp_path / "whole", hidden=True)

    def pull_the_plug(self: Checkpoint, *arguments: object) -> None:
        save(self, *arguments)  # type: ignore[arg-type]
        if arguments[1].epochs_done == 1:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    save = Checkpoint.save
    begun = network()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "save", pull_the_plug)
        with pytest.raises(KeyboardInterrupt):
            train(begun, examples, recipe, tmp_path / "cut", hidden=True)
    resumed = network()
    progress = train(resumed, examples, recipe, tmp_path / "cut", hidden=True)
    assert progress.epochs_done == recipe.epochs
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_a_finished_run_is_not_repeated(examples: Examples, tmp_path: Path) -> None:
    first, second, recipe = network(), network(), lasting(2)
    done = train(first, examples, recipe, tmp_path, hidden=True)
    again = train(second, examples, recipe, tmp_path, hidden=True)
    assert again.history == done.history
    for ours, theirs in zip(second.get_weights(), first.get_weights(), strict=True):
        assert (ours == theirs).all()


def test_it_stops_when_it_no_longer_gets_better(examples: Examples, tmp_path: Path) -> None:
    still = lasting(50, 0.0, patience=2)
    progress = train(network(), examples, still, tmp_path, hidden=True)
    assert progress.epochs_done == 3
    assert progress.best_epoch == 1


def test_with_nothing_held_out_the_last_epoch_counts(examples: Examples, tmp_path: Path) -> None:
    all_of_it = replace(examples, held_out=np.zeros(300, dtype=bool))
    progress = train(network(), all_of_it, lasting(3), tmp_path, hidden=True)
    assert progress.best_epoch == progress.epochs_done == 3


def test_another_run_in_the_folder_is_refused(examples: Examples, tmp_path: Path) -> None:
    run = lasting(1)
    train(network(), examples, run, tmp_path, start={"weights": "a"}, hidden=True)
    with pytest.raises(LookalikeError, match="a run with another seed"):
        train(network(), examples, lasting(1, seed=9), tmp_path, hidden=True)
    with pytest.raises(LookalikeError, match="a run with another weights"):
        train(network(), examples, run, tmp_path, start={"weights": "b"}, hidden=True)
    weighed = encode_labels(
        {"shape": ["a", "b", "a"], "colour": ["a", "b", "a"]}, {"shape": 2, "colour": 1}
    )
    labels = replace(examples.labels, columns=weighed.columns)
    with pytest.raises(LookalikeError, match="a run with another label weights: go on"):
        train(network(), replace(examples, labels=labels), run, tmp_path, hidden=True)
    other = replace(examples, inputs=examples.inputs + 1)
    with pytest.raises(LookalikeError, match="a run with another data"):
        train(network(), other, lasting(1), tmp_path, hidden=True)


def test_a_half_written_file_is_no_obstacle(examples: Examples, tmp_path: Path) -> None:
    (tmp_path / "unfinished-state-0001.weights.h5").write_bytes(b"half")
    (tmp_path / "state-0001.weights.h5").write_bytes(b"of a run that never said it was done")
    progress = train(network(), examples, lasting(1), tmp_path, hidden=True)
    assert progress.epochs_done == 1


def test_a_teacher_is_imitated(examples: Examples, tmp_path: Path) -> None:
    teacher = examples.inputs @ np.random.default_rng(2).normal(size=(24, 5)).astype(np.float32)
    taught = replace(examples, teacher=teacher.astype(np.float16))
    progress = train(network(), taught, lasting(4), tmp_path, hidden=True)
    assert progress.history[-1]["teacher_loss"] < progress.history[0]["teacher_loss"]
