"""What a training job is told, and what it leaves behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from worker.evaluation.report import measure
from worker.training.checkpoint import Progress
from worker.training.examples import Examples
from worker.training.recipe import Recipe


@dataclass(frozen=True)
class Options:
    """What both kinds of training are told."""

    label_weights: Mapping[str, float]
    """The labels to learn, and how much each counts."""
    held_out: float
    """The share of the items that only measure, from 0 to below 1."""
    recipe: Recipe
    folder: Path
    """Where the run keeps its state, and its result."""
    hidden: bool = False
    """Draw no progress bar."""

    @property
    def result(self) -> Path:
        """The weights file that the run ends with."""
        return self.folder / "trained.weights.h5"


@dataclass(frozen=True)
class Outcome:
    """A trained network."""

    weights: Path
    """A file that `lookalike models add` takes."""
    progress: Progress
    learned: int
    """How many items it learned from."""
    unreadable: int
    """How many photos could not be decoded, and were left out."""
    figures: dict[str, Any]
    """As `measure` gives them: the held-out items looked up among all; empty with none."""


def held_out_figures(
    network: keras.Model, examples: Examples, labels: Mapping[str, list[str | None]]
) -> dict[str, Any]:
    """Look the held-out items up among all items, those that were learned included."""
    queries = np.flatnonzero(examples.held_out)
    if not len(queries):
        return {}
    vectors = network.predict(examples.inputs, batch_size=128, verbose=0)
    return measure(vectors, labels, queries)
