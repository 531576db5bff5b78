"""How well a network does, while it is trained, on items that it does not learn from."""

import keras
import numpy as np

from worker.evaluation.label_codes import MISSING
from worker.evaluation.metrics import precision_at, relevance
from worker.evaluation.neighbours import exact_neighbours
from worker.training.examples import Examples

GALLERY = 4_000
"""How many of the learned items, at most, the held-out ones are looked up among."""

NEIGHBOURS = 5


def held_out_precision(network: keras.Model, examples: Examples) -> dict[str, float]:
    """Return the precision@5 of the held-out items, by label.

    The gallery is the held-out items themselves and the first `GALLERY` others: enough to tell
    epochs apart, at a cost that stays small beside an epoch's own.

    Returns:
        A figure for each label that some held-out item has; nothing where none is held out.
    """
    queries = np.flatnonzero(examples.held_out)
    if not len(queries):
        return {}
    rows = np.concatenate([queries, np.flatnonzero(~examples.held_out)[:GALLERY]])
    vectors = network.predict(examples.inputs[rows], batch_size=128, verbose=0)
    codes = examples.labels.codes[rows]
    asked = np.arange(len(queries))
    neighbours = exact_neighbours(vectors, asked, NEIGHBOURS)
    precision = {}
    for column, own in zip(examples.labels.columns, codes.T, strict=True):
        labelled = own[asked] != MISSING
        if labelled.any():
            relevant = relevance(own, asked, neighbours)
            precision[column.name] = precision_at(relevant, labelled, NEIGHBOURS)
    return precision
