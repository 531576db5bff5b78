"""Train a network epoch by epoch: measure it, save its state, and stop in time."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from worker.console import progress_bar
from worker.evaluation.bootstrap import mean
from worker.evaluation.metrics import MISSING, precision_at, relevance
from worker.evaluation.neighbours import exact_neighbours
from worker.training.checkpoint import Checkpoint, Progress
from worker.training.examples import Batches, Examples, Vary
from worker.training.labels import require_enough
from worker.training.recipe import Recipe, compiled

GALLERY = 4_000
"""Most training items among which the held-out ones are searched for."""

NEIGHBOURS = 5


def held_out_precision(network: keras.Model, examples: Examples) -> dict[str, float]:
    """Return the precision@5 of the held-out items, by label.

    The gallery is the held-out items themselves and the first `GALLERY` others: enough to compare
    epochs, at a small part of an epoch's cost.

    Returns:
        A figure for each label that any held-out item has; empty if no item is held out.
    """
    queries = np.flatnonzero(examples.held_out)
    if not len(queries):
        return {}
    rows = np.concatenate([queries, np.flatnonzero(~examples.held_out)[:GALLERY]])
    vectors = network.predict(examples.inputs[rows], batch_size=128, verbose=0)
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

    def __init__(self, epochs: int, first_epoch: int, batch_size: int, *, hidden: bool) -> None:
        """Take the run's length, its first epoch, and whether to draw nothing."""
        super().__init__()
        self._epochs, self._first_epoch = epochs, first_epoch
        self._batch_size, self._hidden = batch_size, hidden

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Draw the bar."""
        per_epoch = self.params["steps"] * self._batch_size
        self._bar: Any = progress_bar(
            self._epochs * per_epoch,
            "training",
            "items",
            initial=self._first_epoch * per_epoch,
            hidden=self._hidden,
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

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Close the bar; it stays on the screen."""
        self._bar.close()


def train(
    network: keras.Model,
    examples: Examples,
    recipe: Recipe,
    folder: Path,
    *,
    start: Mapping[str, str | int | None] | None = None,
    vary: Vary | None = None,
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
        vary: returns a random variant of an input for each epoch; None leaves inputs as they are.
        hidden: draw no progress bar.

    Returns:
        How the run went.

    Raises:
        LookalikeError: there are too few examples, or the folder holds another run.
    """
    learning = np.flatnonzero(~examples.held_out)
    require_enough(len(learning))
    keras.utils.set_random_seed(recipe.seed)
    checkpoint = Checkpoint(folder)
    settings = {
        **asdict(recipe),
        **(start or {}),
        "label weights": examples.labels.weights,
        "data": examples.fingerprint(),
    }
    progress = checkpoint.load(settings)
    batches = Batches(
        examples.inputs[learning],
        examples.targets(learning),
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        first_epoch=progress.epochs_done,
        vary=vary,
    )
    steps = len(batches) * recipe.epochs
    training = compiled(network, examples.labels, examples.teacher_dimensions, recipe, steps)
    checkpoint.restore(training, progress)
    if progress.epochs_done < recipe.epochs and not _is_stale(progress, recipe):
        end_of_epoch = _EndOfEpoch(network, examples, recipe, checkpoint, progress)
        bar = ProgressBar(recipe.epochs, progress.epochs_done, batches.batch_size, hidden=hidden)
        training.fit(
            batches,
            epochs=recipe.epochs,
            initial_epoch=progress.epochs_done,
            verbose=0,
            shuffle=False,
            callbacks=[end_of_epoch, bar],
        )
    network.load_weights(checkpoint.best(progress))
    return progress


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
        precision = held_out_precision(self._network, self._examples)
        logs.update({f"held-out {name}": value for name, value in precision.items()})
        progress = self._progress
        progress.epochs_done = epoch + 1
        progress.history.append({key: float(value) for key, value in logs.items()})
        weights = self._examples.labels.weights
        score = sum(weights[name] * value for name, value in precision.items())
        if score > progress.best_score or not precision:
            progress.best_epoch, progress.best_score = epoch + 1, score
        self._checkpoint.save(self.model, self._network, progress)
        self.model.stop_training = _is_stale(progress, self._recipe)


def _is_stale(progress: Progress, recipe: Recipe) -> bool:
    return progress.epochs_done - progress.best_epoch >= recipe.patience
