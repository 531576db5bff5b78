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
"""Returns a random variant of one input; see `augment`."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of one pass over the inputs, with a new order and new variants in each epoch.

    They depend on the seed, the epoch and the batch's number alone, so that a run that was killed
    continues with exactly the batches that it would have had.
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
        """Take the inputs `(N, …)`, and the targets of each output, `(N,)` or `(N, T)`."""
        super().__init__()
        self._inputs, self._targets, self._vary = inputs, targets, vary
        self.batch_size = min(batch_size, len(inputs))
        self._seed, self._epoch = seed, first_epoch
        self._shuffle()

    def __len__(self) -> int:
        """Return the number of full batches; each epoch leaves out other inputs."""
        return len(self._inputs) // self.batch_size

    def __getitem__(self, index: int) -> tuple[Inputs, Targets]:
        """Return a batch: inputs, float32 `(B, …)`, and their targets by output."""
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs = self._inputs[rows]
        if self._vary is not None:
            random = np.random.default_rng((self._seed, self._epoch, index + 1))
            inputs = np.stack([self._vary(one, random) for one in inputs])
        return inputs.astype(np.float32), {k: v[rows] for k, v in self._targets.items()}

    def on_epoch_end(self) -> None:
        """Shuffle the inputs for the next epoch."""
        self._epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        random = np.random.default_rng((self._seed, self._epoch, 0))
        self._order = random.permutation(len(self._inputs))


@dataclass(frozen=True)
class Examples:
    """Inputs with their labels, and the features of a teacher if there is one."""

    inputs: Inputs
    """Photos, RGB uint8 `(N, S, S, 3)`, or vectors, float32 `(N, D)`."""
    labels: LabelSet
    held_out: NDArray[np.bool_]
    """Which of them are only measured on, shape `(N,)`."""
    teacher: NDArray[np.float32] | None = None
    """Another network's features of them, standardised, shape `(N, T)`."""

    @property
    def teacher_dimensions(self) -> int:
        """Length of the teacher's features; 0 without a teacher."""
        return 0 if self.teacher is None else self.teacher.shape[1]

    def targets(self, rows: NDArray[np.int64]) -> Targets:
        """Return the target of each of the network's outputs for some rows."""
        codes = self.labels.codes[rows]
        targets: Targets = {c.output: codes[:, i] for i, c in enumerate(self.labels.columns)}
        targets[NEIGHBOURS] = codes
        if self.teacher is not None:
            targets[TEACHER] = self.teacher[rows]
        return targets

    def fingerprint(self) -> str:
        """Return a hash of all examples, so that a run is not continued with others."""
        digest = hashlib.sha256()
        for part in (self.inputs, self.labels.codes, self.held_out, self.teacher):
            if part is not None:
                digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()[:16]
