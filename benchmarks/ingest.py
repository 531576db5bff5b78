"""Time and memory of `lookalike ingest`, by the size of the catalog: first, second, update.

    python benchmarks/ingest.py --rows 100000 300000 1000000 --updates 100000

For each size: draws a `styles.csv` in a temporary folder (no photos, ids in no order, thousands of
words, one name in 2,000 with an unquoted comma), starts an empty database with the server of the
package, and runs the real command on it: once on the empty tables, once more with nothing changed,
and with `--update` on a file of new prices and stock of some products. Prints seconds of the wall
clock from the command's start to its end, start-up included, and the peak resident memory of its
process, as `/usr/bin/time -v` shows it. Where the cost is linear, the time a row falls towards a
constant. Of the update it also prints how many rows were updated without touching an index (HOT),
and how many dead ones that leaves.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

LOOKALIKE = Path(sys.executable).with_name("lookalike")
COLUMNS = (
    "id", "gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "year",
    "usage", "productDisplayName",
)  # fmt: skip
GENDERS = ("Men", "Women", "Unisex", "Boys", "Girls")
KINDS = (
    ("Apparel", "Topwear", "Tshirts"), ("Apparel", "Topwear", "Shirts"),
    ("Apparel", "Bottomwear", "Jeans"), ("Footwear", "Shoes", "Casual Shoes"),
    ("Footwear", "Shoes", "Heels"), ("Accessories", "Watches", "Watches"),
    ("Accessories", "Bags", "Handbags"), ("Accessories", "Eyewear", "Sunglasses"),
)  # fmt: skip
COLOURS = ("Black", "White", "Navy Blue", "Red", "Green", "Grey", "Brown", "Pink", "Silver", "NA")
SEASONS = ("Summer", "Fall", "Winter", "Spring")
USAGES = ("Casual", "Formal", "Sports", "Ethnic", "NA", "")
SYLLABLES = ("ba", "cor", "del", "fin", "gar", "lu", "mon", "ne", "pol", "ra", "sti", "tor", "vel")
WORDS = 5_000
COMMA_EVERY = 2_000


class Run(NamedTuple):
    """What one run of the command took."""

    seconds: float
    peak_mib: float
    report: dict[str, int]


def main() -> None:
    """Measure and print."""
    options = parse()
    print(f"{'rows':>10} {'run':7}{'seconds':>9}{'rows/s':>10}{'µs a row':>10}{'peak MiB':>10}")
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            draw(Path(folder) / "styles.csv", rows)
            with database() as environment:
                first = ingest(Path(folder), environment)
                second = ingest(Path(folder), environment)
                changes = draw_changes(Path(folder), min(options.updates, rows))
                update = ingest(*changes, environment)
                hot, dead = updated_rows(environment)
        assert update.report["changed"] == min(options.updates, rows)
        assert first.report["added"] == rows
        assert second.report["unchanged"] == rows
        for name, run in (("first", first), ("second", second), ("update", update)):
            print(
                f"{rows:10,} {name:7}{run.seconds:9.1f}{rows / run.seconds:10,.0f}"
                f"{1e6 * run.seconds / rows:10.1f}{run.peak_mib:10.0f}"
            )
        print(f"{'':11}second / first: {second.seconds / first.seconds:.2f}")
        print(f"{'':11}update: {hot:,} HOT, {dead:,} dead rows", flush=True)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--updates", type=int, default=100_000, help="rows with a new price")
    return parser.parse_args()


def draw(file: Path, rows: int) -> None:
    """Write a catalog of so many products."""
    chance = random.Random(0)
    words = ["".join(chance.choices(SYLLABLES, k=3)).capitalize() for _ in range(WORDS)]
    with file.open("w", encoding="utf-8") as output:
        output.write(",".join(COLUMNS) + "\n")
        for at, item_id in enumerate(chance.sample(range(1, 2 * rows + 1), rows)):
            gender, colour, kind = (chance.choice(some) for some in (GENDERS, COLOURS, KINDS))
            name = " ".join([*chance.choices(words, k=2), gender, colour, kind[-1]])
            values = (
                *(item_id, gender, *kind, colour, chance.choice(SEASONS)),
                *(chance.randint(2007, 2019), chance.choice(USAGES)),
                f"{name}, Pack of 2" if at % COMMA_EVERY == 0 else name,
            )
            output.write(",".join(map(str, values)) + "\n")


def draw_changes(folder: Path, rows: int) -> tuple[Path, str, str, str]:
    """Write new prices and stock of some products, and return what `ingest` takes for them."""
    chance = random.Random(1)
    with (folder / "styles.csv").open(encoding="utf-8") as styles:
        skus = [line.partition(",")[0] for line in styles][1:]
    file, profile = folder / "stock.csv", folder / "stock.toml"
    with file.open("w", encoding="utf-8") as output:
        output.write("sku,price,available\n")
        for sku in chance.sample(skus, rows):
            output.write(f"{sku},{chance.randint(100, 9999) / 100},{chance.random() < 0.9}\n")
    source = {"format": "csv", "sku": "sku", "price": "price", "available": "available"}
    lines = [f'{name} = "{column}"' for name, column in source.items()]
    profile.write_text("\n".join(["[source]", *lines]), encoding="utf-8")
    return file, "--update", "--profile", str(profile)


def updated_rows(environment: dict[str, str]) -> tuple[int, int]:
    """Return how many rows of items were updated without touching an index, and are dead."""
    url = run_quietly(environment, "db", "url").strip()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        row = connection.execute(
            "SELECT n_tup_hot_upd, n_dead_tup FROM pg_stat_user_tables WHERE relname = 'items'"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """Start an empty database; yields the environment in which the command uses it."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "LOOKALIKE_HOME": home, "DATABASE_URL": ""}
        try:
            run_quietly(environment, "db", "upgrade")
            yield environment
        finally:
            run_quietly(environment, "db", "stop")


def run_quietly(environment: dict[str, str], *arguments: str) -> str:
    """Run a command of lookalike's that is not measured, and return what it prints."""
    done = subprocess.run(
        [LOOKALIKE, *arguments], env=environment, capture_output=True, check=True, text=True
    )
    return done.stdout


def ingest(source: Path, *options: Any) -> Run:
    """Run the command and wait for it; the last argument is its environment."""
    *arguments, environment = options
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [LOOKALIKE, "ingest", source, "--json", *arguments],
            env=environment,
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, "the ingest failed"
        output.seek(0)
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return Run(seconds, usage.ru_maxrss / unit, json.load(output))


if __name__ == "__main__":
    main()
