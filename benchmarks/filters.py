"""Latency and recall of filtered searches, for attributes of every type.

    python -m benchmarks.filters

Asks the database in use (its active model) for 10 similar items under filters on made-up
attributes: the items are ranked along the main direction of their vectors, and a filter lets the
lowest so many through. Queries come from inside the filter and from its far end, the hard case for
an index. The attributes are declared inside a transaction that is rolled back, so nothing is
changed. Every answer is checked to be full, and compared with the exact one. Prints also how many
products the planner expected, since the choice between the index and an exact search rests on that.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from app.catalog.apply import apply_profile, stored_profile
from app.catalog.profile import parse_profile
from app.database.ready import ready_database
from app.settings import get_settings

FRACTIONS = (0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 1.0)
QUERIES = 20
K = 10
SEARCH = """
SELECT s.item_id, s.search
FROM nearest_items(
    (SELECT embedding FROM item_embeddings WHERE item_id = %(id)s),
    10,
    %(filter)s,
    NULL,
    ARRAY[%(id)s]
) AS s
"""
ATTRIBUTES = "".join(
    f'\n[attributes.bench_{name}]\ntype = "{kind}"\nfilter = true\n'
    for name, kind in {
        "text": "text",
        "integer": "integer",
        "number": "number",
        "boolean": "boolean",
        "date": "date",
        "texts": "text[]",
    }.items()
)
FILL = """
UPDATE items AS i
SET bench_text = buckets.name,
    bench_integer = r.rank,
    bench_number = r.rank / 4.0,
    bench_boolean = r.rank < %(half)s,
    bench_date = date '2000-01-01' + r.rank,
    bench_texts = buckets.names
FROM ranks AS r
CROSS JOIN LATERAL (
    SELECT
        min(b.name) AS name,
        array_agg(b.name ORDER BY b.name) AS names
    FROM unnest(%(names)s::text[], %(limits)s::integer[]) AS b (name, upper)
    WHERE r.rank < b.upper
) AS buckets
WHERE r.item_id = i.item_id
"""


@dataclass(frozen=True)
class Gallery:
    """The products with a vector, by rank."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]


def main() -> None:
    """Measure and print."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        gallery = ranked(connection)
        declare(connection, gallery)
        size = len(gallery.ids)
        print(f"{size:,} vectors; {QUERIES} queries each from inside and outside the filter")
        print(
            f"{'attribute':>10}{'matches':>10}{'expected':>10}{'p50 ms':>8}{'p95 ms':>8}"
            f"{'recall':>8}  search"
        )
        every: list[float] = []
        for fraction in FRACTIONS:
            passing = max(K + 1, int(fraction * size))
            for name, given in filters(fraction, passing, size).items():
                times, recall, searches = measure(connection, gallery, given, passing)
                every += times
                p50, p95 = np.percentile(times, [50, 95])
                row = connection.execute("SELECT estimate_matches(%s)", [Jsonb(given)]).fetchone()
                expected = row[0] if row else 0
                print(
                    f"{name:>10}{passing:10,}{expected:10,}{p50:8.1f}{p95:8.1f}{recall:8.3f}"
                    f"  {searches}"
                )
        print(f"all: p50 {np.percentile(every, 50):.1f}, p95 {np.percentile(every, 95):.1f}")
        connection.rollback()


def filters(fraction: float, passing: int, size: int) -> dict[str, dict[str, Any]]:
    """Return the filters that let so many through, by the type of their attribute."""
    date = np.datetime64("2000-01-01") + np.timedelta64(passing - 1, "D")
    smaller = [bucket(other) for other in FRACTIONS if other <= fraction]
    found: dict[str, dict[str, Any]] = {
        "text": {"bench_text": smaller},
        "integer": {"bench_integer_max": passing - 1},
        "number": {"bench_number_max": (passing - 1) / 4},
        "date": {"bench_date_max": str(date)},
        "text[]": {"bench_texts": bucket(fraction)},
    }
    if passing == size // 2:
        found["boolean"] = {"bench_boolean": True}
    return found


def bucket(fraction: float) -> str:
    """Return the name of the products that a fraction lets through; smaller ones sort first."""
    return f"the first {fraction:.3f}"


def ranked(connection: psycopg.Connection[Any]) -> Gallery:
    """Rank the items along the main direction of their vectors, in the temporary table `ranks`."""
    rows = connection.execute("SELECT item_id, embedding FROM item_embeddings").fetchall()
    ids = np.array([row[0] for row in rows])
    vectors = np.stack([row[1].to_numpy() for row in rows]).astype(np.float32)
    centred = vectors - vectors.mean(axis=0)
    sample = centred[np.random.default_rng(0).choice(len(ids), min(2000, len(ids)), False)]
    direction = np.linalg.svd(sample, full_matrices=False)[2][0]
    order = np.argsort(centred @ direction)
    connection.execute("CREATE TEMPORARY TABLE ranks (item_id bigint, rank integer) ON COMMIT DROP")
    with connection.cursor().copy("COPY ranks FROM STDIN") as copy:
        for rank, item_id in enumerate(ids[order].tolist()):
            copy.write_row((item_id, rank))
    return Gallery(ids[order], vectors[order])


def declare(connection: psycopg.Connection[Any], gallery: Gallery) -> None:
    """Declare an attribute of each type beside the catalog's own, and fill them by rank."""
    profile = stored_profile(connection)
    assert profile is not None, "ingest a catalog first"
    apply_profile(connection, parse_profile(profile.text + ATTRIBUTES, "benchmark"))
    size = len(gallery.ids)
    parameters = {
        "half": size // 2,
        "names": [bucket(fraction) for fraction in FRACTIONS],
        "limits": [max(K + 1, int(fraction * size)) for fraction in FRACTIONS],
    }
    connection.execute(FILL, parameters)
    connection.execute("ANALYZE items")


def measure(
    connection: psycopg.Connection[Any], gallery: Gallery, given: dict[str, Any], passing: int
) -> tuple[list[float], float, str]:
    """Return the milliseconds of each query, recall@10 (ties count), and how it was answered."""
    times, searches, hits, wanted = [], set(), 0, 0
    random = np.random.default_rng(1)
    outside = np.arange(len(gallery.ids) - len(gallery.ids) // 10, len(gallery.ids))
    rows = np.concatenate([random.choice(passing, QUERIES), random.choice(outside, QUERIES)])
    place = {item_id: at for at, item_id in enumerate(gallery.ids.tolist())}
    for at in rows.tolist():
        parameters = {"id": int(gallery.ids[at]), "filter": Jsonb(given)}
        begun = time.perf_counter()
        answer = connection.execute(SEARCH, parameters).fetchall()
        times.append(1000 * (time.perf_counter() - begun))
        similarity = gallery.vectors[:passing] @ gallery.vectors[at]
        if at < passing:
            similarity[at] = -np.inf
        full = min(K, passing - (at < passing))
        assert len(answer) == full, "the answer is short"
        least = np.partition(similarity, -full)[-full]
        found = [place[item_id] for item_id, _ in answer]
        assert max(found) < passing, "the answer holds a product that the filter leaves out"
        hits += int((similarity[found] >= least - 2e-3).sum())
        wanted += full
        searches |= {search for _, search in answer}
    return times, hits / wanted, " and ".join(sorted(searches))


if __name__ == "__main__":
    main()
