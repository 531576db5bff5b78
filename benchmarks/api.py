"""Similar items over HTTP, beside the SQL function and a bare query of the index.

    python benchmarks/api.py --seconds 10

Asks for the 5 products most like each of `--queries` products of the database in use, whose active
model has an index. First with one client, each layer in turn for the same products, so that a busy
machine slows all of them alike: the bare query, the SQL function, the API's own statement, the
search in Python, the Flask application called in process, and a real server. It prints the 10th
percentile, the median and the processor time of each (with all processes of Postgres, where it runs
on this machine), and what each layer adds. Then wrk (https://github.com/wg/wrk) asks the server as
1, 8 and 64 clients.
"""

import argparse
import http.client
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from tabulate import tabulate

from app.catalog.attributes import load_catalog
from app.database import Database, open_database
from app.http.application import create_app
from app.items.keys import ItemKey
from app.search.nearest import find_each, search_connection
from app.search.options import SearchOptions
from app.search.similar import similar_items
from app.settings import Settings, get_settings

TOP_N = 5
ROUND = 25
"""Questions to one layer before the next one's turn."""

BARE = "SELECT item_id FROM photo_embeddings ORDER BY embedding <=> %s LIMIT 6"
FUNCTION = "SELECT * FROM similar_items(%s::bigint)"

Ask = Callable[[int], Any]
Processes = Callable[[], list[psutil.Process]]
"""Returns what does the work, as far as it is on this machine."""


def main() -> None:
    """Measure and print."""
    options = parse()
    settings = get_settings()
    with open_database(settings) as database, serving(settings) as (port, server):
        with database.connection() as connection:
            ids = choose_products(connection, options.queries)
            describe(connection)
            postgres = find_postgres(connection)

        def processes() -> list[psutil.Process]:
            return [server, *server.children(), *(postgres.children() if postgres else [])]

        print_layers(measure_layers(database, settings, port, ids, processes))
        rows = [
            ask_with_wrk(port, clients, options.seconds, ids, processes) for clients in (1, 8, 64)
        ]
        heads = ["clients", "requests/s", "p50 ms", "p99 ms", "CPU ms a request", "errors"]
        print(tabulate(rows, heads, floatfmt=".2f"))


def parse() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queries", type=int, default=500, help="how many products to ask about")
    parser.add_argument("--seconds", type=int, default=10, help="how long each wrk runs")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is not installed")
    return options


def choose_products(connection: psycopg.Connection[Any], count: int) -> list[int]:
    """Return the ids of some products with a vector, the same ones each time."""
    rows = connection.execute(
        "SELECT item_id FROM item_embeddings ORDER BY hashint8(item_id) LIMIT %s", [count]
    ).fetchall()
    return [item_id for (item_id,) in rows]


def describe(connection: psycopg.Connection[Any]) -> None:
    """Print what is searched."""
    row = connection.execute(
        "SELECT count(*), max(vector_dims(embedding)), index_is_worthwhile() FROM photo_embeddings"
    ).fetchone()
    assert row is not None
    assert row[2], "the active model has no index"
    print(f"{row[0]:,} vectors of {row[1]} dimensions, {psutil.cpu_count()} cores")


@contextmanager
def serving(settings: Settings) -> Iterator[tuple[int, psutil.Process]]:
    """Run `lookalike serve`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "worker.cli", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=settings.environment()) as process:
        try:
            for _ in range(300):
                time.sleep(0.2)
                with suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz").close()
                    break
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()


class Clock:
    """The times that one layer takes."""

    def __init__(self, ask: Ask, processes: Processes) -> None:
        self.ask = ask
        self.processes = processes
        self.milliseconds: list[float] = []
        self.cpu = 0.0

    def run(self, ids: Sequence[int]) -> None:
        """Ask, and add up the times."""
        before = cpu_seconds(self.processes())
        for item_id in ids:
            begun = time.perf_counter()
            self.ask(item_id)
            self.milliseconds.append(1000 * (time.perf_counter() - begun))
        self.cpu += cpu_seconds(self.processes()) - before

    def cpu_milliseconds(self) -> float:
        """Return the processor time of one question."""
        return 1000 * self.cpu / len(self.milliseconds)


def measure_layers(
    database: Database, settings: Settings, port: int, ids: list[int], processes: Processes
) -> dict[str, Clock]:
    """Ask for the same products through each layer, in turns."""
    flask = create_app(settings).test_client()
    with (
        database.connection(autocommit=True) as connection,
        search_connection(database, one_statement=True) as borrowed,
    ):
        options = SearchOptions(load_catalog(connection))
        vectors = dict(
            connection.execute(
                "SELECT item_id, embedding FROM item_embeddings WHERE item_id = ANY (%s)", [ids]
            ).fetchall()
        )
        connection.execute("SELECT set_config('hnsw.ef_search', '30', false)")
        browser = http.client.HTTPConnection("127.0.0.1", port)

        def bare(item_id: int) -> None:
            connection.execute(BARE, [vectors[item_id]]).fetchall()

        def function(item_id: int) -> None:
            connection.execute(FUNCTION, [item_id], prepare=True).fetchall()

        def statement(item_id: int) -> None:
            asked = {"skus": [str(item_id)], "item_ids": [item_id], "all_photos": False}
            find_each(borrowed, "near_products", asked, options, TOP_N)

        def search(item_id: int) -> None:
            similar_items(borrowed, ItemKey.from_text(str(item_id)), options)

        def in_process(item_id: int) -> None:
            assert flask.get(f"/api/v1/items/{item_id}/similar").status_code == 200

        def over_http(item_id: int) -> None:
            browser.request("GET", f"/api/v1/items/{item_id}/similar")
            response = browser.getresponse()
            assert response.status == 200
            response.read()

        def with_own() -> list[psutil.Process]:
            return [psutil.Process(), *processes()]

        clocks = {
            "bare query of the index": Clock(bare, with_own),
            "SQL function": Clock(function, with_own),
            "the API's statement": Clock(statement, with_own),
            "search in Python": Clock(search, with_own),
            "Flask in process": Clock(in_process, with_own),
            "HTTP": Clock(over_http, processes),
        }
        for clock in clocks.values():
            for item_id in ids[:ROUND]:
                clock.ask(item_id)
        for start in range(0, len(ids), ROUND):
            browser.close()  # the server closes what is idle for two seconds
            for clock in clocks.values():
                clock.run(ids[start : start + ROUND])
    return clocks


def find_postgres(connection: psycopg.Connection[Any]) -> psutil.Process | None:
    """Return the server's first process, None if it runs on another machine."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    with suppress(psutil.NoSuchProcess):
        backend = psutil.Process(row[0] if row else -1)
        if "postgres" in backend.name():
            return backend.parent()
    return None


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Return the processor time that processes have taken so far; of those that ended, none."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def print_layers(layers: dict[str, Clock]) -> None:
    """Print each layer's times, what it adds to the one before, and its ratio to the function's."""
    function = statistics.median(layers["SQL function"].milliseconds)
    rows, before = [], 0.0
    for name, clock in layers.items():
        median = statistics.median(clock.milliseconds)
        tenth = statistics.quantiles(clock.milliseconds, n=10)[0]
        added = median - before
        rows.append([name, tenth, median, added, median / function, clock.cpu_milliseconds()])
        before = median
    heads = ["one client", "p10 ms", "p50 ms", "adds ms", "of the function", "CPU ms"]
    print(tabulate(rows, heads, floatfmt=".2f"), end="\n\n")


WRK = """
local paths = {%s}
local at = math.random(#paths)
request = function()
    at = at %% #paths + 1
    return wrk.format("GET", paths[at])
end
done = function(summary, latency)
    local e = summary.errors
    io.write(string.format("=%%d %%d %%f %%f %%d\\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99),
        e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def ask_with_wrk(
    port: int, clients: int, seconds: int, ids: Sequence[int], processes: Processes
) -> list[Any]:
    """Return a row of the table for so many clients."""
    paths = ", ".join(f'"/api/v1/items/{item_id}/similar"' for item_id in ids)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "ask.lua"
        script.write_text(WRK % paths)
        command = ["wrk", "-t", "1", "-c", str(clients), "-d", f"{seconds}s", "--timeout", "30s"]
        before = cpu_seconds(processes())
        run = subprocess.run(
            [*command, "-s", str(script), f"http://127.0.0.1:{port}"],
            check=True,
            capture_output=True,
            text=True,
        )
        spent = cpu_seconds(processes()) - before
    found = re.search(r"^=(\d+) (\d+) (\S+) (\S+) (\d+)$", run.stdout, re.MULTILINE)
    assert found is not None, run.stdout
    requests, microseconds = int(found[1]), int(found[2])
    return [
        clients,
        1e6 * requests / microseconds,
        float(found[3]) / 1000,
        float(found[4]) / 1000,
        1000 * spent / requests,
        int(found[5]),
    ]


if __name__ == "__main__":
    main()
