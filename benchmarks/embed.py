"""Photos a second of a whole `lookalike embed`, beside the bare encoder and the reference loop.

    python benchmarks/embed.py CATALOG --backbone resnet50 --photos 1000 8000

Takes the first photos of a catalog in the dataset's layout. Measured in one run, since machines
differ and change: the reference recipe (`load_img`, `model.predict`, one photo at a time), the bare
encoder in both precisions on photos that are decoded already, other engines where the extra `bench`
is installed, the matrix-product roof of the processor, and the real command on a scratch database,
files to committed vectors, with its start-up and its peak memory apart.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from engines import bare_rates, gflop_per_photo, matrix_product_roof, reference_rate

from app.encoders.keras_import import load_keras
from app.encoders.networks import build_for_inference
from app.encoders.registry import Backbone, get_backbone
from app.encoders.weights import default_file

LOOKALIKE = Path(sys.executable).with_name("lookalike")
REFERENCE_PHOTOS = 100
DONE = re.compile(r"(?P<photos>[\d,]+) embedded, .* in (?P<seconds>[\d.]+) s ")
INDEXED = re.compile(r"index built in (?P<seconds>[\d.]+) s")


class Job(NamedTuple):
    """How a whole run of the command went."""

    rate: float
    """Photos a second, once it had started."""
    start_seconds: float
    """From the start of the process until the network was ready, and what the end took."""
    peak_mib: float


def main() -> None:
    """Measure and print."""
    options = parse()
    backbone = get_backbone(options.backbone)
    files = sorted((options.catalog / "images").glob("*.jpg"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = options.weights or weights_of(backbone, folder)
        rates = bare_rates(backbone, weights, files)
        bare = max(rates["float32"], rates.get("bfloat16", 0))
        rates["reference loop"] = reference_rate(backbone, weights, files[:REFERENCE_PHOTOS])
        jobs = {}
        for count in options.photos:
            catalog = part_of(options.catalog, files[:count], folder / str(count))
            jobs[count] = job = whole_job(backbone, weights, catalog, folder / f"home{count}")
            rates[f"embed, {count:,} photos"] = job.rate
    show(backbone, rates)
    for count, job in jobs.items():
        print(
            f"embed, {count:,} photos: {job.rate / bare:.2f} of the bare encoder, "
            f"{job.start_seconds:.1f} s start-up, {job.peak_mib:,.0f} MiB at most"
        )


def show(backbone: Backbone, rates: dict[str, float]) -> None:
    """Print photos a second, beside the reference loop's and the processor's limit."""
    gflop = gflop_per_photo(build_for_inference(backbone, None), backbone.input_size)
    roofs = {dtype: matrix_product_roof(dtype) for dtype in ("float32", "bfloat16")}
    print(f"{backbone.name}: {gflop:.2f} GFLOP a photo")
    for dtype, roof in roofs.items():
        print(f"matrix products in {dtype}: {roof:,.0f} GFLOP/s, {roof / gflop:,.0f} photos/s")
    roof = max(roofs.values()) / gflop
    print(f"{'':24}{'photos/s':>10}{'of loop':>10}{'of roof':>10}")
    for name, rate in rates.items():
        print(f"{name:24}{rate:10.1f}{rate / rates['reference loop']:10.1f}{rate / roof:10.2f}")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path, help="folder in the dataset's layout")
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--weights", type=Path, help="random ones where it is not given")
    parser.add_argument("--photos", type=int, nargs="+", default=[2000], help="of each whole job")
    return parser.parse_args()


def part_of(catalog: Path, files: list[Path], folder: Path) -> Path:
    """Make a catalog of some of the photos."""
    wanted = {file.stem for file in files}
    (folder / "images").mkdir(parents=True)
    for file in files:
        (folder / "images" / file.name).symlink_to(file.resolve())
    with (catalog / "styles.csv").open() as source, (folder / "styles.csv").open("w") as target:
        target.write(next(source))
        target.writelines(line for line in source if line.partition(",")[0] in wanted)
    return folder


def whole_job(backbone: Backbone, weights: Path, catalog: Path, home: Path) -> Job:
    """Run the real commands on a database of their own; say how it went."""
    environment = {**os.environ, "LOOKALIKE_HOME": str(home), "DATABASE_URL": ""}

    def lookalike(*arguments: str) -> None:
        subprocess.run([LOOKALIKE, *arguments], env=environment, check=True, capture_output=True)

    try:
        lookalike("ingest", str(catalog))
        lookalike("models", "add", backbone.name, "--weights", str(weights))
        begun = time.perf_counter()
        with subprocess.Popen(
            [LOOKALIKE, "embed"], env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            peak_mib = 0.0
            while process.poll() is None:
                peak_mib = max(peak_mib, _peak_mib(process.pid))
                time.sleep(0.05)
            assert process.stdout is not None
            output = process.stdout.read()
        wall = time.perf_counter() - begun
    finally:
        lookalike("db", "stop")
    done, indexed = DONE.search(output), INDEXED.search(output)
    assert done is not None, output
    assert indexed is not None, output
    seconds = float(done["seconds"])
    return Job(
        rate=int(done["photos"].replace(",", "")) / seconds,
        start_seconds=wall - seconds - float(indexed["seconds"]),
        peak_mib=peak_mib,
    )


def _peak_mib(pid: int) -> float:
    """Return the most memory that a process has held so far, as Linux counts it.

    What `wait4` says of a child includes this process as it was when it began the child.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def weights_of(backbone: Backbone, folder: Path) -> Path:
    """Return the bundled weights, or a file of random ones, which are as fast as trained ones.

    With biases: those of zero that Keras begins with would leave other work to do.
    """
    if backbone.download is None:
        return default_file(backbone)
    file = folder / "random.weights.h5"
    constructor = {"resnet50": "ResNet50", "mobilenet_v2": "MobileNetV2"}[backbone.name]
    network = getattr(load_keras().applications, constructor)(weights=None, include_top=False)
    random = np.random.default_rng(0)
    network.set_weights(
        [w + random.uniform(0, 0.2, w.shape) if w.ndim == 1 else w for w in network.get_weights()]
    )
    network.save_weights(file)
    return file


if __name__ == "__main__":
    main()
