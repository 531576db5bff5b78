"""How fast sources are read: 1,000,000 rows of the dataset's shape, CSV, JSON Lines and Parquet.

python -m benchmarks.sources [ROWS]
"""

import csv
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from app.catalog.profile import DATASET, load_profile, parse_profile
from worker.sources import open_source

NAMES = (
    "sku", "title", "image_url", "price", "brand", "in_stock", "category", "material", "year",
)  # fmt: skip
STYLES = (
    "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,"
    "productDisplayName"
)
PROFILE = """
[source]
format = "{}"
sku = "sku"
title = "title"
photo = "image_url"
price = "price"
brand = "brand"
available = "in_stock"
[attributes.category]
type = "text"
[attributes.material]
type = "text"
[attributes.year]
type = "integer"
"""


def products(count: int) -> Iterator[tuple[str, ...]]:
    """Make up products."""
    for n in range(count):
        yield (
            f"SKU-{n:07}",
            f"Product number {n}, with a name",
            f"https://cdn.example.com/images/{n}.jpg",
            f"{n % 50_000 / 100:.2f}",
            f"Brand {n % 3000}",
            ("true", "false")[n % 2],
            ("Lamps", "Sofas", "Chairs", "Tables")[n % 4],
            ("oak", "steel", "glass")[n % 3],
            str(2000 + n % 25),
        )


def make(folder: Path, count: int) -> None:
    """Write the files."""
    with (folder / "shop.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(NAMES)
        lines.writerows(products(count))
    with (folder / "shop.jsonl").open("w") as file:
        for values in products(count):
            file.write(json.dumps(dict(zip(NAMES, values, strict=True))) + "\n")
    names = pa.schema([(name, pa.string()) for name in NAMES])
    with pq.ParquetWriter(folder / "shop.parquet", names) as writer:
        rows = products(count)
        while chunk := list(islice(rows, 50_000)):
            writer.write_table(pa.table(list(map(list, zip(*chunk, strict=True))), schema=names))
    with (folder / "styles.csv").open("w") as file:
        file.write(STYLES + "\n")
        for n in range(count):
            comma = ", blue" if n % 2000 == 0 else ""
            file.write(
                f"{n + 1},Men,Apparel,Topwear,Shirts,Blue,Fall,2011,Casual,Shirt {n}{comma}\n"
            )


def measure(source: Path, kind: str) -> None:
    """Read a source, and print how long it took."""
    profile = (
        load_profile(DATASET) if kind == "dataset" else parse_profile(PROFILE.format(kind), "")
    )
    begun, busy = time.perf_counter(), time.process_time()
    count = sum(len(batch.products) for batch in open_source(str(source), profile).batches())
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{kind:8} {count:,} products in {seconds:.1f} s ({busy:.1f} s of processor), "
        f"{peak} MiB at most"
    )


def main() -> None:
    """Measure all of them."""
    if len(sys.argv) == 3:
        gc.freeze()  # as the command does
        measure(Path(sys.argv[1]), sys.argv[2])
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, count)
        for kind, file in {
            "csv": "shop.csv",
            "dataset": "",
            "parquet": "shop.parquet",
            "jsonl": "shop.jsonl",
        }.items():  # each in a process of its own, whose peak is its own
            command = [sys.executable, "-m", "benchmarks.sources", str(folder / file), kind]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
