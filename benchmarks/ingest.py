"""Time and memory of `lookalike ingest`, by the size of the catalog, for a first and a second run.

    python benchmarks/ingest.py --rows 100000 300000 1000000

For each size: draws a `styles.csv` in a temporary folder (no photos, ids in no order, thousands of
words, one name in 2,000 with an unquoted comma), starts an empty database with the server of the
package, and runs the real command on it: once on the empty tables, and once more with nothing
changed. Prints seconds of the wall clock from the command's start to its end, start-up included,
and the peak resident memory of its process, as `/usr/bin/time -v` shows it. Where the cost is
linear, the time a row falls towards a constant.
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
from typing import NamedTuple

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
    account: dict[str, int]


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
        assert first.account["added"] == rows
        assert second.account["unchanged"] == rows
        for name, run in (("first", first), ("second", second)):
            print(
                f"{rows:10,} {name:7}{run.seconds:9.1f}{rows / run.seconds:10,.0f}"
                f"{1e6 * run.seconds / rows:10.1f}{run.peak_mib:10.0f}"
            )
        print(f"{'':11}second / first: {second.seconds / first.seconds:.2f}", flush=True)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
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


def run_quietly(environment: dict[str, str], *arguments: str) -> None:
    """Run a command of lookalike's that is not measured."""
    subprocess.run([LOOKALIKE, *arguments], env=environment, capture_output=True, check=True)


def ingest(folder: Path, environment: dict[str, str]) -> Run:
    """Run the command and wait for it."""
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [LOOKALIKE, "ingest", folder, "--json"],
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
