"""A progress bar over a training run, in items, with rate, time left and the held-out scores."""

from typing import Any

import keras

from worker.console import progress_bar


class ProgressBar(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """One bar over all epochs, on standard error."""

    def __init__(self, epochs: int, first_epoch: int, batch_size: int, *, hidden: bool) -> None:
        """Take the length of the run, where it starts, and whether to draw nothing."""
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
        """Say which epoch it is."""
        self._bar.set_description(f"epoch {epoch + 1} of {self._epochs}")

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Count the batch."""
        self._bar.update(self._batch_size)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Show the scores of the epoch, put into `logs` by the callbacks before this one."""
        shown = {k: f"{v:.3f}" for k, v in (logs or {}).items() if k.startswith("held-out ")}
        self._bar.set_postfix({k.removeprefix("held-out "): v for k, v in shown.items()})

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave the bar where it stands."""
        self._bar.close()
