"""The training data as Keras takes it: shuffled batches of inputs and their targets."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Inputs = NDArray[Any]
Targets = dict[str, NDArray[Any]]
Vary = Callable[[Inputs, np.random.Generator], Inputs]
"""Draws a variant of one input; see `augment`."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """One pass over the inputs, in an order and in variants drawn anew for every epoch.

    Chance depends on the seed, the epoch and the batch alone, so that a run that was killed goes
    on with the very batches it would have seen.
    """

    def __init__(
        self,
        inputs: Inputs,
        targets: Targets,
        *,
        batch_size: int,
        seed: int,
        first_epoch: int = 0,
        vary: Vary | None = None,
    ) -> None:
        """Take the inputs `(N, …)`, the targets of each output `(N,)` or `(N, T)`, and the rest."""
        super().__init__()
        self._inputs, self._targets, self._vary = inputs, targets, vary
        self.batch_size = min(batch_size, len(inputs))
        self._seed, self._epoch = seed, first_epoch
        self._shuffle()

    def __len__(self) -> int:
        """Count the full batches; which inputs are left over changes with each epoch."""
        return len(self._inputs) // self.batch_size

    def __getitem__(self, index: int) -> tuple[Inputs, Targets]:
        """Return a batch of inputs, float32, and their targets by output."""
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs = self._inputs[rows]
        if self._vary is not None:
            random = np.random.default_rng((self._seed, self._epoch, index + 1))
            inputs = np.stack([self._vary(one, random) for one in inputs])
        return inputs.astype(np.float32), {k: v[rows] for k, v in self._targets.items()}

    def on_epoch_end(self) -> None:
        """Draw a new order."""
        self._epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        random = np.random.default_rng((self._seed, self._epoch, 0))
        self._order = random.permutation(len(self._inputs))
