"""Latency of filtered searches, from filters that let one item through to those that let all.

    python benchmarks/filters.py

Asks the database in use (its active model) for 10 similar items under filters on a made-up label:
the items are ranked along the main direction of their vectors, and a filter lets the lowest so many
through. Queries come from inside the filter and from its far end, the hard case for an index. The
ranks stand in for `price` inside a transaction that is rolled back, so nothing is changed. Every
answer is checked to be full.
"""

import time
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from app.database.ready import ready_database
from app.settings import get_settings

FRACTIONS = (0.0, 0.001, 0.01, 0.05, 0.1, 0.22, 0.4, 0.6, 0.8, 0.95, 1.0)
QUERIES = 20
K = 10
SEARCH = """
SELECT s.search
FROM nearest_items(
    (SELECT embedding FROM item_embeddings WHERE item_id = %(id)s),
    10,
    %(filter)s,
    NULL,
    ARRAY[%(id)s]
) AS s
"""


def main() -> None:
    """Measure and print."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        ids = ranked(connection)
        print(f"{len(ids):,} vectors; milliseconds of {QUERIES} queries each")
        print(f"{'let through':>12}{'query from':>12}{'p50':>8}{'p95':>8}  search")
        every: list[float] = []
        for fraction in FRACTIONS:
            passing = max(1, int(fraction * len(ids)))
            for side, pool in (("inside", ids[:passing]), ("outside", ids[-len(ids) // 10 :])):
                times, found = measure(connection, pool, passing)
                every += times
                p50, p95 = np.percentile(times, [50, 95])
                print(f"{passing:12,}{side:>12}{p50:8.1f}{p95:8.1f}  {found}")
        print(f"all: p50 {np.percentile(every, 50):.1f}, p95 {np.percentile(every, 95):.1f}")
        connection.rollback()


def ranked(connection: psycopg.Connection[Any]) -> NDArray[np.int64]:
    """Write each item's rank along the vectors' main direction as its price; return ids by rank."""
    rows = connection.execute("SELECT item_id, embedding FROM item_embeddings").fetchall()
    ids = np.array([row[0] for row in rows])
    vectors = np.stack([row[1].to_numpy() for row in rows]).astype(np.float32)
    vectors -= vectors.mean(axis=0)
    sample = vectors[np.random.default_rng(0).choice(len(vectors), min(2000, len(vectors)), False)]
    direction = np.linalg.svd(sample, full_matrices=False)[2][0]
    ids = ids[np.argsort(vectors @ direction)]
    connection.execute("CREATE TEMPORARY TABLE ranks (item_id bigint, rank integer) ON COMMIT DROP")
    with connection.cursor().copy("COPY ranks FROM STDIN") as copy:
        for rank, item_id in enumerate(ids.tolist()):
            copy.write_row((item_id, rank))
    connection.execute(
        "UPDATE items AS i SET price = rank FROM ranks AS r WHERE r.item_id = i.item_id"
    )
    connection.execute("ANALYZE items")
    return ids


def measure(
    connection: psycopg.Connection[Any], pool: NDArray[np.int64], passing: int
) -> tuple[list[float], str]:
    """Return the milliseconds of each query, and how they were answered."""
    times, searches = [], set()
    for item_id in np.random.default_rng(1).choice(pool, QUERIES).tolist():
        parameters = {"id": item_id, "filter": Jsonb({"price_max": passing - 1})}
        begun = time.perf_counter()
        rows = connection.execute(SEARCH, parameters).fetchall()
        times.append(1000 * (time.perf_counter() - begun))
        assert len(rows) >= min(K, passing - 1), "the answer is short"
        searches |= {row[0] for row in rows}
    return times, " and ".join(sorted(searches))


if __name__ == "__main__":
    main()
