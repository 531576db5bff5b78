"""The options and the outcome of a training job."""

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
    """The options that both kinds of training have."""

    label_weights: Mapping[str, float]
    """The labels to learn, each with its weight."""
    held_out: float
    """Share of the items that are only measured on, from 0 to below 1."""
    recipe: Recipe
    folder: Path
    """Where the run saves its state and its result."""
    hidden: bool = False
    """Draw no progress bar."""

    @property
    def result(self) -> Path:
        """The file for the trained weights."""
        return self.folder / "trained.weights.h5"


@dataclass(frozen=True)
class Outcome:
    """A trained network."""

    weights: Path
    """A weights file for `lookalike models add`."""
    progress: Progress
    learned: int
    """How many items the network was trained on."""
    unreadable: int
    """How many photos were left out because they can't be decoded."""
    figures: dict[str, Any]
    """`measure` of the held-out items among all; empty if none is held out."""


def held_out_figures(
    network: keras.Model, examples: Examples, labels: Mapping[str, list[str | None]]
) -> dict[str, Any]:
    """Measure the search for held-out items among all items, the training items included."""
    queries = np.flatnonzero(examples.held_out)
    if not len(queries):
        return {}
    vectors = network.predict(examples.inputs, batch_size=128, verbose=0)
    return measure(vectors, labels, queries)
