"""The options and the outcome of a training job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from worker.evaluation.report import measure
from worker.training.checkpoint import Progress
from worker.training.examples import Examples
from worker.training.loop import embedded
from worker.training.recipe import Recipe


@dataclass(frozen=True)
class Options:
    """The options that both kinds of training have."""

    label_weights: Mapping[str, float]
    """The labels to learn, each with its weight."""
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
    figures: dict[str, dict[str, Any]]
    """For each source, `measure` of its held-out items among all of it; empty if none is held
    out."""


def held_out_figures(
    network: keras.Model,
    examples: Examples,
    labels: Mapping[str, list[str | None]],
    sources: Sequence[str],
    size: int | None = None,
) -> dict[str, dict[str, Any]]:
    """Measure the search for held-out items among all items of their source.

    Args:
        network: the trained network.
        examples: the items.
        labels: the value of each label for every item.
        sources: where each item came from; the products of one source are distinct.
        size: edge to which photos are resized.
    """
    figures = {}
    network.make_predict_function(force=True)  # the last epoch's photos may have had another size
    for source in dict.fromkeys(sources):
        rows = np.flatnonzero([one == source for one in sources])
        queries = np.flatnonzero(examples.held_out[rows])
        if len(queries):
            own = {name: [words[row] for row in rows] for name, words in labels.items()}
            vectors = embedded(network, examples.inputs, rows, size)
            figures[source] = measure(vectors, own, queries)
    return figures
