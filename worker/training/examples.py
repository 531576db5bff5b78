"""What a network learns from, and what it is measured on."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.training.batches import Inputs, Targets
from worker.training.heads import NEIGHBOURS, TEACHER
from worker.training.labels import LabelSet


@dataclass(frozen=True)
class Examples:
    """Inputs with their labels, and the features of a teacher where there is one."""

    inputs: Inputs
    """Photos, RGB uint8 `(N, S, S, 3)`, or vectors, float32 `(N, D)`."""
    labels: LabelSet
    held_out: NDArray[np.bool_]
    """Which of them only measure, shape `(N,)`."""
    teacher: NDArray[np.float32] | None = None
    """What another network makes of them, standardised, shape `(N, T)`."""

    @property
    def teacher_dimensions(self) -> int:
        """Length of the teacher's features, 0 without a teacher."""
        return 0 if self.teacher is None else self.teacher.shape[1]

    def targets(self, rows: NDArray[np.int64]) -> Targets:
        """Return what each output of the network should say about these rows."""
        codes = self.labels.codes[rows]
        targets: Targets = {c.name: codes[:, i] for i, c in enumerate(self.labels.columns)}
        targets[NEIGHBOURS] = codes
        if self.teacher is not None:
            targets[TEACHER] = self.teacher[rows]
        return targets

    def fingerprint(self) -> str:
        """Hash all of it, so that a run is not continued with something else."""
        digest = hashlib.sha256()
        for part in (self.inputs, self.labels.codes, self.held_out, self.teacher):
            if part is not None:
                digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()[:16]
