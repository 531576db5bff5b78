"""Checkpoints: the state that a training run needs to continue after a kill, and its best weights.

Keras's `BackupAndRestore` keeps no best weights, and doesn't check that a run continues with the
same settings and data.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras

from app.errors import LookalikeError

_PROGRESS = "progress.json"


@dataclass
class Progress:
    """The progress of a run."""

    settings: dict[str, Any]
    """The settings that the run was started with, and can only be continued with."""
    epochs_done: int = 0
    best_epoch: int = 0
    best_score: float = float("-inf")
    history: list[dict[str, float]] = field(default_factory=list)
    """For each epoch, the losses and the held-out precision of each label."""


class Checkpoint:
    """A folder with the state after the last complete epoch, and the best weights.

    Each file is written under another name and renamed, the progress last; weights that the
    progress doesn't refer to are ignored. A kill at any time loses at most the current epoch.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder, and create it if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def load(self, settings: Mapping[str, Any]) -> Progress:
        """Return the progress of the run in this folder, or of a new one.

        Raises:
            LookalikeError: the run in this folder was started with other settings or data.
        """
        file = self._folder / _PROGRESS
        if not file.exists():
            return Progress(dict(settings))
        progress = Progress(**json.loads(file.read_text()))
        changed = [k for k in settings if settings[k] != progress.settings.get(k)]
        if changed:
            raise LookalikeError(
                f"{self._folder} holds a run with another {', '.join(changed)}: go on with the "
                "same options and data, or remove that folder to start afresh"
            )
        return progress

    def restore(self, training: keras.Model, progress: Progress) -> None:
        """Load the weights and optimizer state of the last complete epoch, if there was one."""
        if progress.epochs_done:
            training.optimizer.build(training.trainable_variables)
            training.load_weights(self._state(progress.epochs_done))

    def save_best(self, network: keras.Model, progress: Progress) -> None:
        """Save the network's weights after its best epoch so far, which `save` makes count."""
        _save_weights(network, self.best(progress))

    def save(self, training: keras.Model, progress: Progress) -> None:
        """Save the state after an epoch."""
        _save_weights(training, self._state(progress.epochs_done))
        _replace(self._folder / _PROGRESS, json.dumps(asdict(progress), indent=1).encode())
        kept = {self._state(progress.epochs_done), self.best(progress)}
        for stale in set(self._folder.glob("*.weights.h5")) - kept:
            stale.unlink(missing_ok=True)

    def best(self, progress: Progress) -> Path:
        """Return the file with the network's weights after its best epoch."""
        return self._folder / f"best-{progress.best_epoch:04}.weights.h5"

    def _state(self, epoch: int) -> Path:
        return self._folder / f"state-{epoch:04}.weights.h5"


def _save_weights(model: keras.Model, file: Path) -> None:
    unfinished = file.with_name(f"unfinished-{file.name}")
    model.save_weights(unfinished)
    unfinished.replace(file)


def _replace(file: Path, content: bytes) -> None:
    unfinished = file.with_name(f"unfinished-{file.name}")
    unfinished.write_bytes(content)
    unfinished.replace(file)
