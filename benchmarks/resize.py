"""What the ways to make a photo a square cost, and what they do to the neighbours.

    python benchmarks/resize.py CATALOG --weights mobilenet_v2_imagenet_notop.weights.h5

Prints the milliseconds that one core takes from a file of 1800 × 2400 to 224 × 224 pixels (the
catalog's photos, enlarged), and the precision@5 of mobilenet_v2 over the catalog's own photos.
These are too small for its usual input, so it gets a smaller one: reduced 2 and 4 times.
"""

import argparse
import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from app.encoders.encoder import Encoder
from app.encoders.registry import get_backbone
from app.photos.decode import Resize, load_photo
from worker.evaluation.bootstrap import mean
from worker.evaluation.metrics import encode, precision_at, relevance
from worker.evaluation.neighbours import exact_neighbours

LARGE = (1800, 2400)
TIMED = 40
LABELS = {"articleType": "article type", "baseColour": "colour"}
BATCH = 256
WAYS = (Resize.NEAREST, Resize.ANTIALIAS)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path, help="folder in the dataset's layout")
    parser.add_argument("--weights", type=Path, required=True, help="of mobilenet_v2")
    options = parser.parse_args()
    files = sorted(options.catalog.glob("images/*.jpg"), key=lambda file: int(file.stem))
    large = [enlarged(file) for file in files[:: len(files) // TIMED]]
    for way in WAYS:
        times = [milliseconds(data, way) for data in large]
        print(f"{way:10} {np.median(times):6.1f} ms a photo of {LARGE[0]} x {LARGE[1]}")
    labels = pd.read_csv(options.catalog / "styles.csv", on_bad_lines="skip", dtype=str)
    labels = labels.set_index("id").reindex([file.stem for file in files])
    for size in (112, 56):
        for way in WAYS:
            backbone = replace(get_backbone("mobilenet_v2"), input_size=size, resize=way)
            vectors = embed(Encoder(backbone, options.weights), files)
            scores = [
                f"{label} {precision(vectors, labels[column]):.3f}"
                for column, label in LABELS.items()
            ]
            print(f"{way:10} to {size:3} pixels, precision@5: {', '.join(scores)}", flush=True)


def enlarged(file: Path) -> bytes:
    """Return a photo as a JPEG of `LARGE` pixels, with some grain, as photos have it."""
    image = Image.open(file).convert("RGB").resize(LARGE, Image.Resampling.BICUBIC)
    grain = np.random.default_rng(0).normal(0, 4, (*image.size[::-1], 1))
    pixels = (np.asarray(image) + grain).clip(0, 255).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=90)
    return data.getvalue()


def milliseconds(data: bytes, way: Resize) -> float:
    """Return how long the decoding and resizing of a photo takes."""
    begun = time.perf_counter()
    load_photo(data, 224, way)
    return 1000 * (time.perf_counter() - begun)


def embed(encoder: Encoder, files: list[Path]) -> np.ndarray:
    """Return the photos' embeddings, `(N, dimensions)`."""
    size, way = encoder.backbone.input_size, encoder.backbone.resize
    with ThreadPoolExecutor() as pool:
        photos = pool.map(lambda file: load_photo(file.read_bytes(), size, way), files)
        pixels = np.stack(list(photos))
    return np.concatenate(
        [encoder.encode(pixels[start : start + BATCH]) for start in range(0, len(files), BATCH)]
    )


def precision(vectors: np.ndarray, words: "pd.Series[str]") -> float:
    """Return the mean share of the five nearest that bear the query's label."""
    codes, _ = encode([word if isinstance(word, str) else None for word in words])
    queries = np.arange(len(vectors))
    relevant = relevance(codes, queries, exact_neighbours(vectors, queries, 5))
    return mean(precision_at(relevant, codes >= 0, 5))


if __name__ == "__main__":
    main()
