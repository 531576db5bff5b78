"""What a network learns from and is measured on: examples, and batches of them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from worker.training.heads import NEIGHBOURS, TEACHER
from worker.training.labels import LabelSet

Inputs = NDArray[Any]
Targets = dict[str, NDArray[Any]]
Vary = Callable[[Inputs, np.random.Generator], Inputs]
"""Returns random variants of a batch of inputs, at first one of each, in order, then perhaps more
of the first ones; see `augment`."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of one pass over the products, with a new order and new variants in each epoch.

    A product with several photos is shown by one of them in each epoch. The batches depend on the
    seed, the epoch and the batch's number alone, so that a run that was killed continues with
    exactly the batches that it would have had.
    """

    def __init__(
        self,
        examples: "Examples",
        *,
        batch_size: int,
        seed: int,
        first_epoch: int = 0,
        vary: Vary | None = None,
    ) -> None:
        """Take what to learn from; the examples that are held out are left out."""
        super().__init__(workers=1, max_queue_size=4)
        self._examples, self._vary = examples, vary
        self._learning = np.flatnonzero(~examples.held_out)
        self._products = examples.products[self._learning]
        self.count = len(np.unique(self._products))
        self.batch_size = min(batch_size, self.count)
        self._seed, self._epoch = seed, first_epoch
        self._shuffle()

    def __len__(self) -> int:
        """Return the number of full batches; each epoch leaves out other products."""
        return self.count // self.batch_size

    def __getitem__(self, index: int) -> tuple[Inputs, Targets]:
        """Return a batch: inputs, float32 `(B, …)`, and their targets by output."""
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs = self._examples.inputs[rows]
        if self._vary is not None:
            inputs = self._vary(inputs, np.random.default_rng((self._seed, self._epoch, index + 1)))
            rows = np.concatenate([rows, rows[: len(inputs) - len(rows)]])
        return inputs.astype(np.float32, copy=False), self._examples.targets(rows)

    def on_epoch_end(self) -> None:
        """Shuffle the products for the next epoch."""
        self._epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        random = np.random.default_rng((self._seed, self._epoch, 0))
        order = random.permutation(len(self._learning))
        _, first = np.unique(self._products[order], return_index=True)
        self._order = self._learning[order[np.sort(first)]]


@dataclass(frozen=True)
class Examples:
    """Inputs with their labels, and the features of a teacher if there is one."""

    inputs: Inputs
    """Photos, RGB uint8 `(N, S, S, 3)`, or vectors, float32 `(N, D)`."""
    labels: LabelSet
    held_out: NDArray[np.bool_]
    """Which of them are only measured on, shape `(N,)`."""
    products: NDArray[np.int64]
    """The number of the product that each shows, shape `(N,)`."""
    teacher: NDArray[np.float16] | None = None
    """Another network's features of them, standardised, float16, shape `(N, T)`; of those that are
    held out, zeros."""

    @property
    def teacher_dimensions(self) -> int:
        """Length of the teacher's features; 0 without a teacher."""
        return 0 if self.teacher is None else self.teacher.shape[1]

    def targets(self, rows: NDArray[np.int64]) -> Targets:
        """Return the target of each of the network's outputs for some rows."""
        codes = self.labels.codes[rows]
        targets: Targets = {c.output: codes[:, i] for i, c in enumerate(self.labels.columns)}
        targets[NEIGHBOURS] = np.column_stack([codes, self.products[rows]])
        if self.teacher is not None:
            targets[TEACHER] = self.teacher[rows].astype(np.float32)
        return targets

    def fingerprint(self) -> str:
        """Return a hash of all examples, so that a run is not continued with others."""
        digest = hashlib.sha256()
        for part in (self.inputs, self.labels.codes, self.held_out, self.products, self.teacher):
            if part is not None:
                digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()[:16]
