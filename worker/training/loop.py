"""Train a network epoch by epoch, measure it, keep its state, and stop in time."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from worker.training.batches import Batches, Vary
from worker.training.checkpoint import Checkpoint, Progress
from worker.training.examples import Examples
from worker.training.labels import require_enough
from worker.training.progress import ProgressBar
from worker.training.recipe import Recipe, compiled
from worker.training.validation import held_out_precision


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
    """Train a network in place; it ends with the weights of its best epoch.

    The best epoch is the one with the highest held-out precision@5, weighted like the labels; with
    nothing held out it is the last. Called again with the same arguments after a kill, it goes on
    after the last whole epoch.

    Args:
        network: from the examples' inputs, as float32, to embeddings `(N, D)`.
        examples: what to learn from.
        recipe: how.
        folder: where the state is kept between epochs.
        start: what the network was made of; a run goes on with the same alone.
        vary: draws a variant of an input, anew in each epoch; None takes it as it is.
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
    """Measure on the held-out examples, keep the state, stop when it no longer gets better."""

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
