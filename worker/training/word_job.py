"""The job of `lookalike train words`: read the catalog, learn, and write the words' vectors."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg import sql

from app.catalog.attributes import Catalog, load_catalog
from app.database import Database, query
from app.database.locks import Lock, lock
from app.errors import LookalikeError
from app.models import EmbeddingModel
from worker.console import progress_bar
from worker.evaluation.neighbours import unit_length
from worker.training.products import held_out
from worker.training.word_vectors import Descriptions, Floats, bags, learn_words, ridge

MIN_PRODUCTS = 2
"""Least products of a word; a word of one product tells nothing of others."""

MIN_PAIR_PRODUCTS = 5

MAX_WORDS = 20_000
MAX_PARTS = 20_000
"""Most rows of words and pairs, and of letter n-grams."""

CHUNK = 5_000
"""Texts that the database splits into words at once."""


@dataclass(frozen=True)
class Learnt:
    """What `train words` wrote."""

    products: int
    """Products that it learned from."""
    words: int
    """Words and pairs of words."""
    parts: int
    """Letter n-grams."""


@dataclass(frozen=True)
class _Products:
    """Products with a vector, and the words of their names and attributes."""

    vectors: Floats
    """Of length 1, shape `(N, D)`."""
    texts: list[list[list[str]]]
    """For the name and then for each attribute: the words and pairs of words of each product."""


def train_words(database: Database, model: EmbeddingModel, held_out_share: float) -> Learnt:
    """Learn a model's word vectors from the listed products, in place of those it has.

    The vectors are written in one transaction, so that a killed run changes nothing.

    Args:
        database: the open database.
        model: the model.
        held_out_share: share of the products to hold out, by the hash of their sku.

    Raises:
        LookalikeError: too few products have a vector of the model and words.
    """
    with database.connection() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        products = _read(connection, load_catalog(connection), model, held_out_share)
    counts = _frequent(products.texts)
    if not counts:
        raise LookalikeError(
            f"no word is common to {MIN_PRODUCTS} of the {len(products.vectors):,} products that "
            f"have a vector of {model.name}: run `lookalike embed --model {model.name}`, and see "
            "that the catalog has names or attributes"
        )
    columns = {word: at for at, word in enumerate(counts)}
    bar = progress_bar(None, f"words of {model.name}", "steps")
    with bar:
        vectors = learn_words(
            Descriptions.of([bags(texts, columns) for texts in products.texts]),
            products.vectors,
            on_steps=bar.reset,
            on_step=bar.update,
        )
    with database.connection() as connection:
        single = [word for word in counts if " " not in word]
        spellings, parts = _letters(connection, single)
        letters, part_vectors, part_counts = _learn_parts(
            parts, vectors[[columns[word] for word in single]], [counts[word] for word in single]
        )
        spelt = dict(zip(single, spellings, strict=True))
        rows = [(w, c, spelt.get(w), vectors[columns[w]]) for w, c in counts.items()]
        rows += [
            (part, count, None, vector)
            for part, count, vector in zip(letters, part_counts, part_vectors, strict=True)
        ]
        _write(connection, model, rows, held_out_share)
    return Learnt(len(products.vectors), len(counts), len(letters))


def _read(
    connection: psycopg.Connection[Any], catalog: Catalog, model: EmbeddingModel, share: float
) -> _Products:
    columns = ["brand_name"]
    columns += [a.name for a in catalog.attributes if a.type in ("text", "text[]")]
    statement = query(__package__, "fetch_described").format(
        attributes=sql.SQL(", ").join(
            sql.SQL("array_to_string(ARRAY[i.{}], ' ')").format(sql.Identifier(name))
            for name in columns
        )
    )
    (count,) = connection.execute(
        query(__package__, "count_described"), {"model_id": model.model_id}
    ).fetchone() or (0,)
    vectors = np.empty((count, model.dimensions), np.float16)
    rows: list[list[str]] = []
    skus: list[str] = []
    with connection.cursor(name="described", binary=True) as cursor:
        cursor.itersize = CHUNK
        for sku, vector, *texts in cursor.execute(statement, {"model_id": model.model_id}):
            vectors[len(rows)] = vector.to_numpy()
            skus.append(sku)
            rows.append(texts)
    kept = np.flatnonzero(~held_out(skus, share))
    words = _split(connection, list({text for row in rows for text in row}))
    texts = [[words[rows[row][field]] for row in kept] for field in range(len(columns) + 1)]
    return _Products(unit_length(vectors[kept]), texts)


def _split(connection: psycopg.Connection[Any], texts: list[str]) -> dict[str, list[str]]:
    """Return the words and pairs of words of each text, as the database splits it."""
    words: dict[str, list[str]] = {}
    with progress_bar(len(texts), "reading words", "texts") as bar:
        for at in range(0, len(texts), CHUNK):
            some = texts[at : at + CHUNK]
            found = connection.execute(query(__package__, "split_texts"), {"texts": some})
            words |= dict(found.fetchall())
            bar.update(len(some))
    return words


def _frequent(fields: Sequence[Sequence[Sequence[str]]]) -> dict[str, int]:
    """Return the words and pairs to learn with their number of products, the most common first."""
    counts: Counter[str] = Counter()
    for texts in zip(*fields, strict=True):
        counts.update({word for words in texts for word in words})
    chosen = sorted(
        (
            (word, count)
            for word, count in counts.items()
            if count >= (MIN_PAIR_PRODUCTS if " " in word else MIN_PRODUCTS)
        ),
        key=lambda found: (-found[1], found[0]),
    )
    return dict(chosen[:MAX_WORDS])


def _letters(
    connection: psycopg.Connection[Any], words: list[str]
) -> tuple[list[list[str]], list[list[str]]]:
    """Return the spellings and the parts of each word."""
    rows = connection.execute(query(__package__, "split_words"), {"words": words}).fetchall()
    return [row[0] for row in rows], [row[1] for row in rows]


def _learn_parts(
    parts: list[list[str]], vectors: Floats, counts: list[int]
) -> tuple[list[str], Floats, list[int]]:
    """Learn the vectors of letter n-grams from those of the words that have them.

    Returns:
        The n-grams, their vectors, and how many products have each.
    """
    found: Counter[str] = Counter()
    for word_parts, count in zip(parts, counts, strict=True):
        found.update(dict.fromkeys(word_parts, count))
    letters = sorted(found, key=lambda part: (-found[part], part))[:MAX_PARTS]
    if not letters:
        return [], np.empty((0, vectors.shape[1]), np.float32), []
    columns = {part: at for at, part in enumerate(letters)}
    weights = np.sqrt(np.array(counts, np.float32))
    learnt = ridge(bags(parts, columns), vectors, weights / weights.mean())
    return letters, learnt, [found[part] for part in letters]


def _write(
    connection: psycopg.Connection[Any],
    model: EmbeddingModel,
    rows: list[tuple[str, int, list[str] | None, Floats]],
    share: float,
) -> None:
    """Replace a model's word vectors. The caller commits."""
    register_vector(connection)
    lock(connection, Lock.MODELS)  # of two runs the later one stays, whole
    of_model = {"model_id": model.model_id, "share": share}
    connection.execute(query(__package__, "delete_words"), of_model)
    with (
        progress_bar(len(rows), "writing", "vectors") as bar,
        connection.cursor().copy(query(__package__, "copy_words")) as copy,
    ):
        copy.set_types(["int2", "text", "int4", "text[]", "halfvec"])
        for word, count, spellings, vector in rows:
            copy.write_row((model.model_id, word, count, spellings, HalfVector(vector)))
            bar.update()
    connection.execute(query(__package__, "set_words_held_out"), of_model)
