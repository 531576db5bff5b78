"""Recall against latency of the similarity search, beside hnswlib and FAISS on the same vectors.

    python benchmarks/search.py --count 44446 --plot docs/recall.png

Takes the active model's vectors from the database in use (or a .npy file of float vectors), fills
them up to `--count` with mixtures of random pairs, loads them into a scratch database, and prints
for a grid of `ef_search` the recall@10 against exact search and the median and 95th percentile of
the milliseconds a query takes: in SQL as an analyst writes it, and in process for the libraries.
All of it is measured in one run, since machines differ and change. Needs the extra `bench`.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss
import hnswlib
import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from app.database import Database, embedded, migrate, open_database
from app.database.ready import ready_database
from app.settings import Settings, get_settings

Vectors = NDArray[np.float32]
GRID = (10, 20, 30, 40, 80, 160, 320)
K = 10
NEAREST = """
SELECT item_id FROM bench ORDER BY embedding <=> %(query)s::halfvec LIMIT 10
"""


def main() -> None:
    """Measure and print."""
    options = parse()
    vectors = filled_up(read_vectors(options.vectors), options.count)
    queries = np.random.default_rng(1).choice(len(vectors), options.queries, replace=False)
    exact = exact_neighbours(vectors, queries)
    print(f"{len(vectors):,} vectors of {vectors.shape[1]} dimensions, {len(queries)} queries")
    print(f"m = {options.m}, ef_construction = {options.ef_construction}")
    print(f"{'':10}{'ef':>6}{'recall@10':>12}{'p50 ms':>10}{'p95 ms':>10}")
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, engine in (("pgvector", pgvector), ("hnswlib", hnsw_lib), ("FAISS", faiss_hnsw)):
        with engine(vectors, options.m, options.ef_construction) as (search, set_ef):
            for ef in GRID:
                set_ef(ef)
                recall, times = measure(search, vectors, queries, exact)
                p50, p95 = np.percentile(times, [50, 95])
                print(f"{name:10}{ef:6}{recall:12.4f}{p50:10.2f}{p95:10.2f}")
                curves.setdefault(name, []).append((recall, p50))
    if options.plot:
        plot(curves, options.plot)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=Path, help=".npy file; by default the database's")
    parser.add_argument("--count", type=int, default=44_446, help="vectors to search among")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--m", type=int, default=get_settings().hnsw_m)
    parser.add_argument("--ef-construction", type=int, default=get_settings().hnsw_ef_construction)
    parser.add_argument("--plot", type=Path, help="PNG file to draw the curves into")
    return parser.parse_args()


def read_vectors(file: Path | None) -> Vectors:
    """Return the vectors of a file, or of the active model."""
    if file is not None:
        return np.asarray(np.load(file), dtype=np.float32)
    with ready_database(get_settings()) as database, database.connection() as connection:
        rows = connection.execute("SELECT embedding FROM item_embeddings ORDER BY item_id")
        return np.stack([row[0].to_numpy() for row in rows]).astype(np.float32)


def filled_up(vectors: Vectors, count: int) -> Vectors:
    """Add mixtures of random pairs until there are `count`; all of length 1, in half precision."""
    random = np.random.default_rng(0)
    missing = max(0, count - len(vectors))
    one, other = random.integers(0, len(vectors), (2, missing))
    weight = random.uniform(0.2, 0.8, (missing, 1)).astype(np.float32)
    every = np.concatenate([vectors, weight * vectors[one] + (1 - weight) * vectors[other]])[:count]
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    return every.astype(np.float16).astype(np.float32)


def exact_neighbours(vectors: Vectors, queries: NDArray[np.int_]) -> Vectors:
    """Return the similarity of each query's tenth neighbour, itself counted."""
    similarity = vectors[queries] @ vectors.T
    return np.partition(similarity, -K, axis=1)[:, -K]


def measure(
    search: Callable[[Vectors], list[int]],
    vectors: Vectors,
    queries: NDArray[np.int_],
    tenth: Vectors,
) -> tuple[float, list[float]]:
    """Return recall@10 (ties count as found) and the milliseconds of each query."""
    hits, times = 0, []
    for at, least in zip(queries, tenth, strict=True):
        begun = time.perf_counter()
        found = search(vectors[at])
        times.append(1000 * (time.perf_counter() - begun))
        hits += int((vectors[found] @ vectors[at] >= least - 1e-4).sum())
    return hits / (K * len(queries)), times


Engine = Iterator[tuple[Callable[[Vectors], list[int]], Callable[[int], Any]]]


@contextmanager
def pgvector(vectors: Vectors, m: int, ef_construction: int) -> Engine:
    """Load the vectors into a scratch database and index them as the product does."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, database_url=None, home=Path(folder))
        try:
            with open_database(settings) as database:
                migrate.upgrade(database)
                load(database, vectors, m, ef_construction)
                with database.connection() as connection:

                    def search(query: Vectors) -> list[int]:
                        rows = connection.execute(NEAREST, {"query": HalfVector(query)})
                        return [row[0] for row in rows]

                    def set_ef(ef: int) -> None:
                        connection.execute(
                            "SELECT set_config('hnsw.ef_search', %s, false)", [str(ef)]
                        )

                    yield search, set_ef
        finally:
            embedded.stop(settings.home)


def load(database: Database, vectors: Vectors, m: int, ef_construction: int) -> None:
    """Fill the table `bench` and build its index."""
    dimensions = sql.Literal(vectors.shape[1])
    with database.connection() as connection:
        connection.execute(
            sql.SQL("CREATE TABLE bench (item_id bigint, embedding halfvec({}))").format(dimensions)
        )
        connection.execute("ALTER TABLE bench ALTER COLUMN embedding SET STORAGE PLAIN")
        write = "COPY bench (item_id, embedding) FROM STDIN (FORMAT binary)"
        with connection.cursor().copy(write) as copy:
            copy.set_types(["int8", "halfvec"])
            for at, vector in enumerate(vectors):
                copy.write_row((at, HalfVector(vector)))
        begun = time.perf_counter()
        connection.execute(
            sql.SQL(
                "CREATE INDEX ON bench USING hnsw (embedding halfvec_cosine_ops) "
                "WITH (m = {}, ef_construction = {})"
            ).format(sql.Literal(m), sql.Literal(ef_construction))
        )
        print(f"pgvector index built in {time.perf_counter() - begun:.0f} s")
        connection.execute("ANALYZE bench")


@contextmanager
def hnsw_lib(vectors: Vectors, m: int, ef_construction: int) -> Engine:
    """Index the vectors with hnswlib, and search with one thread."""
    index = hnswlib.Index(space="cosine", dim=vectors.shape[1])
    index.init_index(len(vectors), M=m, ef_construction=ef_construction)
    index.add_items(vectors)
    index.set_num_threads(1)
    yield lambda query: index.knn_query(query, K)[0][0].tolist(), index.set_ef


@contextmanager
def faiss_hnsw(vectors: Vectors, m: int, ef_construction: int) -> Engine:
    """Index the vectors with FAISS, and search with one thread."""
    index = faiss.IndexHNSWFlat(vectors.shape[1], m, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = ef_construction
    index.add(vectors)
    faiss.omp_set_num_threads(1)

    def set_ef(ef: int) -> None:
        index.hnsw.efSearch = ef

    yield lambda query: index.search(query[None], K)[1][0].tolist(), set_ef


def plot(curves: dict[str, list[tuple[float, float]]], file: Path) -> None:
    """Draw recall against median latency."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), dpi=110, layout="constrained")
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=name)
    axes.set(xlabel="recall@10", ylabel="median milliseconds a query", yscale="log")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(file)


if __name__ == "__main__":
    main()
