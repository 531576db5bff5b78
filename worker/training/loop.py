"""Train a network epoch by epoch: measure it, save its state, and stop in time."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from worker.console import progress_bar
from worker.evaluation.bootstrap import mean
from worker.evaluation.metrics import MISSING, precision_at, relevance
from worker.evaluation.neighbours import Rows, exact_neighbours
from worker.training.checkpoint import Checkpoint, Progress
from worker.training.examples import Batches, Examples, Inputs, Vary
from worker.training.labels import require_enough
from worker.training.recipe import Recipe, Stage, compiled

QUERIES = 3_000
"""Most held-out items that an epoch is judged by."""

GALLERY = 6_000
"""Most training items among which they are searched for."""

BATCH = 128
"""Inputs that are embedded together."""

NEIGHBOURS = 5


def embedded(
    network: keras.Model, inputs: Inputs, rows: Rows, size: int | None = None
) -> NDArray[np.float32]:
    """Return a network's vectors of some of the inputs, float32, shape `(len(rows), D)`.

    One graph takes one size: before another one, the caller makes the predict function anew.

    Args:
        network: the network.
        inputs: photos or vectors.
        rows: which of them.
        size: edge to which photos are resized; None leaves the inputs as they are.
    """
    parts = []
    for start in range(0, len(rows), BATCH):
        batch = inputs[rows[start : start + BATCH]]
        if size is not None and size != batch.shape[1]:
            batch = tf.image.resize(batch, (size, size), antialias=True).numpy()
        parts.append(network.predict_on_batch(batch.astype(np.float32, copy=False)))
    return np.concatenate(parts).astype(np.float32)


def held_out_precision(
    network: keras.Model, examples: Examples, size: int | None = None
) -> dict[str, float]:
    """Return the precision@5 of the held-out items, by label.

    Of each product one photo counts. The gallery is the first `QUERIES` held-out ones and the first
    `GALLERY` others: enough to compare epochs, at a small part of an epoch's cost.

    Args:
        network: the network.
        examples: the items.
        size: edge to which photos are resized.

    Returns:
        A figure for each label that any held-out item has; empty if no item is held out.
    """
    _, first = np.unique(examples.products, return_index=True)
    queries = np.sort(first[examples.held_out[first]])[:QUERIES]
    if not len(queries):
        return {}
    rows = np.concatenate([queries, np.sort(first[~examples.held_out[first]])[:GALLERY]])
    vectors = embedded(network, examples.inputs, rows, size)
    codes = examples.labels.codes[rows]
    asked = np.arange(len(queries))
    neighbours = exact_neighbours(vectors, asked, NEIGHBOURS)
    precision = {}
    for column, own in zip(examples.labels.columns, codes.T, strict=True):
        labelled = own[asked] != MISSING
        if labelled.any():
            relevant = relevance(own, asked, neighbours)
            precision[column.name] = mean(precision_at(relevant, labelled, NEIGHBOURS))
    return precision


class ProgressBar(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """One progress bar for all epochs, on standard error.

    Keras's own bar starts again with each epoch, doesn't know of a resumed run, and can't become
    events of a JSON log.
    """

    def __init__(self, epochs: int, batches: Batches, first_epoch: int, *, hidden: bool) -> None:
        """Draw the bar of a run: its length, an epoch's batches, its first epoch, or nothing."""
        super().__init__()
        self._epochs, self._batch_size = epochs, batches.batch_size
        per_epoch = len(batches) * batches.batch_size
        self._bar: Any = progress_bar(
            epochs * per_epoch,
            "training",
            "products",
            initial=first_epoch * per_epoch,
            hidden=hidden,
        )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Show the number of the epoch."""
        self._bar.set_description(f"epoch {epoch + 1} of {self._epochs}")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Count the batch."""
        self._bar.update(self._batch_size)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Show the epoch's held-out scores, which `_EndOfEpoch` has added to `logs`."""
        shown = {k: f"{v:.3f}" for k, v in (logs or {}).items() if k.startswith("held-out ")}
        self._bar.set_postfix({k.removeprefix("held-out "): v for k, v in shown.items()})

    def close(self) -> None:
        """Close the bar; it stays on the screen."""
        self._bar.close()


def train(
    network: keras.Model,
    examples: Examples,
    recipe: Recipe,
    folder: Path,
    *,
    start: Mapping[str, str | int | None] | None = None,
    vary: Callable[[Stage], Vary] | None = None,
    hidden: bool = False,
) -> Progress:
    """Train a network in place; at the end it has the weights of its best epoch.

    The best epoch has the highest held-out precision@5, weighted like the labels; with nothing held
    out it is the last one. Called again with the same arguments after a kill, the run continues
    after the last complete epoch.

    Args:
        network: from the examples' inputs, as float32, to embeddings `(N, D)`.
        examples: what to learn from.
        recipe: how to learn it.
        folder: where the state is saved after each epoch.
        start: where the network came from; a run continues only with the same.
        vary: returns what varies the inputs in a stage; None leaves inputs as they are.
        hidden: draw no progress bar.

    Returns:
        How the run went.

    Raises:
        LookalikeError: there are too few examples, or the folder holds another run.
    """
    require_enough(len(np.unique(examples.products[~examples.held_out])))
    keras.utils.set_random_seed(recipe.seed)
    checkpoint = Checkpoint(folder)
    settings = {
        **recipe.model_dump(mode="json"),
        **(start or {}),
        "label weights": examples.labels.weights,
        "data": examples.fingerprint(),
    }
    progress = checkpoint.load(settings)
    batches = Batches(examples, batch_size=recipe.batch_size, seed=recipe.seed)
    training = compiled(
        network,
        examples.labels,
        examples.teacher_dimensions,
        recipe,
        len(batches) * recipe.epochs,
    )
    bar = ProgressBar(recipe.epochs, batches, progress.epochs_done, hidden=hidden)
    for first, stage in recipe.starts():
        end = first + stage.epochs
        if progress.epochs_done >= end or _is_stale(progress, recipe):
            continue
        # From the file even if nothing was killed: `fit` ends with the averages in the network.
        checkpoint.restore(training, progress)
        # Another size of photos, another graph.
        training.make_train_function(force=True)
        network.make_predict_function(force=True)
        training.fit(
            Batches(
                examples,
                batch_size=recipe.batch_size,
                seed=recipe.seed,
                first_epoch=progress.epochs_done,
                vary=vary and vary(stage),
            ),
            epochs=end,
            initial_epoch=progress.epochs_done,
            verbose=0,
            shuffle=False,
            callbacks=[
                _LearningRate(recipe),
                _EndOfEpoch(network, examples, recipe, checkpoint, progress),
                bar,
            ],
        )
    bar.close()
    network.load_weights(checkpoint.best(progress))
    return progress


class _LearningRate(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Set the learning rate of each batch.

    Keras's `LearningRateScheduler` knows of epochs alone, and a schedule of its optimizer can't be
    asked for the rate of another recipe's stages.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self._recipe = recipe

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        rate = self._recipe.rate(self._epoch, batch / self.params["steps"])
        self.model.optimizer.learning_rate.assign(rate)


class _EndOfEpoch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Measure on the held-out examples, save the state, and stop when there is no progress.

    Keras's `EarlyStopping` and `ModelCheckpoint` don't save their counters and best scores, so a
    resumed run would stop at another epoch; `BackupAndRestore` keeps no best weights.
    """

    def __init__(
        self,
        network: keras.Model,
        examples: Examples,
        recipe: Recipe,
        checkpoint: Checkpoint,
        progress: Progress,
    ) -> None:
        super().__init__()
        self._network, self._examples, self._recipe = network, examples, recipe
        self._checkpoint, self._progress = checkpoint, progress

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        averages = keras.callbacks.SwapEMAWeights()
        averages.set_model(self.model)
        averages.on_test_begin()  # into the network
        size = self._recipe.stage_of(epoch).size
        precision = held_out_precision(self._network, self._examples, size)
        logs.update({f"held-out {name}": value for name, value in precision.items()})
        progress = self._progress
        progress.epochs_done = epoch + 1
        progress.history.append({key: float(value) for key, value in logs.items()})
        weights = self._examples.labels.weights
        score = sum(weights[name] * value for name, value in precision.items())
        if score > progress.best_score or not precision:
            progress.best_epoch, progress.best_score = epoch + 1, score
            self._checkpoint.save_best(self._network, progress)
        averages.on_test_end()  # and out again
        self._checkpoint.save(self.model, progress)
        self.model.stop_training = _is_stale(progress, self._recipe)


def _is_stale(progress: Progress, recipe: Recipe) -> bool:
    return progress.epochs_done - progress.best_epoch >= recipe.patience
