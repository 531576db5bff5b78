"""Measuring the search by words: looks, full text, and both.

The texts are made from the catalog itself: a label's value beside another's, such as "Navy Blue
Tshirts"; and the names of products that `train words` held out. Each is asked once more with one
word misspelt by one letter.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from app.catalog.attributes import load_catalog
from app.database import Database, query
from app.errors import LookalikeError
from app.models import EmbeddingModel
from worker.console import progress_bar
from worker.evaluation.neighbours import Rows, blocks, unit_length
from worker.evaluation.stored import Gallery, read_gallery, record
from worker.training.products import held_out

DEPTH = 10
DEEP = 100

MIN_PRODUCTS = 20
"""Products that have both values of a query of two labels, at least."""

FIRST = 300
"""Products whose name, brand and sku are searched for."""

SIDES = ("look", "full text", "search")
"""What is compared: the photos alone, plain full-text search, and both fused."""

Found = list[list[int]]
"""The item ids that each text finds, best first."""


@dataclass(frozen=True)
class _Case:
    """A model's gallery, and what is said of its products."""

    gallery: Gallery
    names: list[str | None]
    brands: list[str | None]
    skus: list[str]
    unseen: Rows
    """Rows of held-out products with a name."""


def evaluate_words(database: Database, model: EmbeddingModel) -> dict[str, Any]:
    """Measure the search by words of the active model, and record the figures.

    Returns:
        `{"name", "gallery", "queries", "look": {…}, "full text": {…}, "search": {…}}`; figures
        that a side can't have are left out.

    Raises:
        LookalikeError: the model isn't active, or has no word vectors, or nothing was held out.
    """
    if not model.active:
        raise LookalikeError(
            f"{model.name} is not active, and words are those of the active model: run `lookalike "
            f"models activate {model.name}`"
        )
    with database.connection() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        labels = tuple(load_catalog(connection).labels)[:2]
        case = _read(connection, model, labels)
        figures = _measure(connection, case, labels)
    size, queries = len(case.gallery.item_ids), len(case.unseen)
    with database.connection() as connection:
        record(connection, model, size, queries, {"words": figures})
    return {"name": model.name, "gallery": size, "queries": queries, **figures}


def _read(
    connection: psycopg.Connection[Any], model: EmbeddingModel, labels: Sequence[str]
) -> _Case:
    parameters = {"model_id": model.model_id}
    row = connection.execute(query(__package__, "fetch_words_state"), parameters).fetchone()
    if row is None or not row[1]:
        raise LookalikeError(f"{model.name} has no word vectors yet: run `lookalike train words`")
    gallery = read_gallery(connection, model, labels)
    rows = connection.execute(
        query(__package__, "fetch_names"), {"item_ids": gallery.item_ids.tolist()}
    ).fetchall()
    skus = [sku for sku, _, _ in rows]
    names = [name for _, name, _ in rows]
    named = np.array([name is not None for name in names], bool)
    unseen = np.flatnonzero(held_out(skus, row[0]) & named)
    if not len(unseen):
        raise LookalikeError(
            "no product with a name and a vector was held out, so there is nothing to measure by: "
            "run `lookalike train words`"
        )
    return _Case(gallery, names, [brand for _, _, brand in rows], skus, unseen)


def _measure(
    connection: psycopg.Connection[Any], case: _Case, labels: Sequence[str]
) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = {side: {} for side in SIDES}
    random = np.random.default_rng(0)
    pairs = _frequent_pairs(case.gallery.labels, labels)
    if pairs:
        texts = [f"{second} {first}" for first, second in pairs]
        for side, ids in _ask(connection, case, texts, "labels").items():
            figures[side] |= _label_precision(case, labels, pairs, ids)
        misspelt = [_misspell(text, random) for text in texts]
        for side, ids in _ask(connection, case, misspelt, "misspelt labels").items():
            precision = _label_precision(case, labels, pairs, ids)
            figures[side] |= {f"misspelt {name}": value for name, value in precision.items()}
    names = [case.names[row] or "" for row in case.unseen]
    figures["look"] |= _own_photo(_embed(connection, names), case, "name")
    misspelt = [_misspell(name, random) for name in names]
    figures["look"] |= _own_photo(_embed(connection, misspelt), case, "misspelt name")
    some = case.unseen[random.permutation(len(case.unseen))[:FIRST]]
    told: dict[str, Sequence[str | None]] = {
        "name": case.names,
        "brand": case.brands,
        "sku": case.skus,
    }
    for what, values in told.items():
        asked = [value for row in some if (value := values[row])]
        for side, statement in (("full text", "find_by_text"), ("search", "find_by_words")):
            found = _by_sql(connection, statement, asked, what)
            if asked:
                figures[side][f"{what} first"] = _first(case, values, asked, found)
    return figures


def _frequent_pairs(
    values: dict[str, list[str | None]], labels: Sequence[str]
) -> list[tuple[str, str]]:
    """Return the values of two labels that enough products have both of."""
    if len(labels) < 2:
        return []
    counts = Counter(zip(values[labels[0]], values[labels[1]], strict=True))
    return sorted(
        (first, second)
        for (first, second), count in counts.items()
        if first and second and count >= MIN_PRODUCTS
    )


def _ask(
    connection: psycopg.Connection[Any], case: _Case, texts: list[str], what: str
) -> dict[str, Found]:
    """Return what each side finds, at most `DEPTH` products."""
    vectors = _embed(connection, texts)
    nearest = _nearest(vectors, case.gallery.vectors, DEPTH)
    return {
        "look": case.gallery.item_ids[nearest].tolist(),
        "full text": _by_sql(connection, "find_by_text", texts, what),
        "search": _by_sql(connection, "find_by_words", texts, what),
    }


def _embed(connection: psycopg.Connection[Any], texts: list[str]) -> NDArray[np.float32]:
    """Return the vectors of texts, zeros where one has none, shape `(len(texts), D)`."""
    rows = connection.execute(query(__package__, "embed_texts"), {"texts": texts}).fetchall()
    found = [vector.to_numpy() for (vector,) in rows if vector is not None]
    dimensions = len(found[0]) if found else 1
    vectors = np.zeros((len(texts), dimensions), np.float32)
    for row, (vector,) in enumerate(rows):
        if vector is not None:
            vectors[row] = vector.to_numpy()
    return vectors


def _nearest(texts: NDArray[np.float32], photos: NDArray[np.floating], k: int) -> Rows:
    gallery = unit_length(photos)
    found = np.empty((len(texts), min(k, len(gallery))), np.int64)
    for start, block in blocks(np.arange(len(texts)), len(gallery)):
        order = np.argsort(-(texts[block] @ gallery.T), axis=1, kind="stable")
        found[start : start + len(block)] = order[:, :k]
    return found


def _by_sql(
    connection: psycopg.Connection[Any], statement: str, texts: Iterable[str], what: str
) -> Found:
    found: Found = []
    texts = list(texts)
    with progress_bar(len(texts), f"{what}, {statement.rpartition('_')[2]}", "queries") as bar:
        for text in texts:
            parameters = {"q": text, "top_n": DEPTH, "filter": Jsonb({"available": [True, False]})}
            rows = connection.execute(query(__package__, statement), parameters).fetchall()
            found.append([item_id for (item_id,) in rows])
            bar.update()
    return found


def _label_precision(
    case: _Case, labels: Sequence[str], pairs: list[tuple[str, str]], found: Found
) -> dict[str, float]:
    """Return the share of the first `DEPTH` that have each label and both; missing ones count."""
    row_of = {item_id: row for row, item_id in enumerate(case.gallery.item_ids.tolist())}
    hits = np.zeros((len(pairs), DEPTH, 2), bool)
    for at, (pair, ids) in enumerate(zip(pairs, found, strict=True)):
        for place, row in enumerate(row_of[item_id] for item_id in ids if item_id in row_of):
            hits[at, place] = [
                case.gallery.labels[label][row] == value
                for label, value in zip(labels, pair, strict=True)
            ]
    return {
        f"{labels[0]} precision@{DEPTH}": _share(hits[:, :, 0]),
        f"{labels[1]} precision@{DEPTH}": _share(hits[:, :, 1]),
        f"both precision@{DEPTH}": _share(hits.all(axis=2)),
    }


def _first(case: _Case, values: Sequence[str | None], asked: Sequence[str], found: Found) -> float:
    """Return how often the first product found has what was asked for."""
    value_of = dict(zip(case.gallery.item_ids.tolist(), values, strict=True))
    return _share(
        [
            bool(ids) and value_of.get(ids[0]) == value
            for ids, value in zip(found, asked, strict=True)
        ]
    )


def _own_photo(texts: NDArray[np.float32], case: _Case, what: str) -> dict[str, float]:
    """Return how often a held-out product's name finds its own photo, among others and all."""
    figures = {}
    photos = unit_length(case.gallery.vectors)
    for gallery, rows in (("held out", case.unseen), ("all", np.arange(len(photos)))):
        own = np.einsum("nd,nd->n", texts, photos[case.unseen])
        ranks = np.empty(len(texts), np.int64)
        for start, block in blocks(np.arange(len(texts)), len(rows)):
            similar = texts[block] @ photos[rows].T
            ranks[start : start + len(block)] = (similar > own[block, None] + 1e-6).sum(axis=1)
        for k in (DEPTH, DEEP):
            figures[f"{what} to photo recall@{k}, {gallery}"] = _share(ranks < k)
    return figures


def _misspell(text: str, random: np.random.Generator) -> str:
    """Leave out, add or change a letter of a word of at least four, or swap two."""
    words = text.split()
    long = [at for at, word in enumerate(words) if len(word) > 3] or [
        at for at, _ in enumerate(words)
    ]
    if not long:
        return text
    at = long[random.integers(len(long))]
    word = words[at]
    place = int(random.integers(len(word)))
    letter = chr(ord("a") + int(random.integers(26)))
    edits: list[Callable[[], str]] = [
        lambda: word[:place] + word[place + 1 :],
        lambda: word[:place] + letter + word[place:],
        lambda: word[:place] + letter + word[place + 1 :],
        lambda: word[:place] + word[place + 1 : place + 2] + word[place] + word[place + 2 :],
    ]
    words[at] = edits[random.integers(4)]()
    return " ".join(words)


def _share(hits: Any) -> float:
    return round(float(np.mean(hits)), 6)
