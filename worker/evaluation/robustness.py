"""The job of `lookalike evaluate --robustness`: find products by disturbed photos of them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.database import Database
from app.encoders.cache import EncoderSpec, load_encoder
from app.encoders.encoder import Encoder
from app.errors import LookalikeError
from app.models import EmbeddingModel
from app.photos.decode import load_picture, to_square
from app.photos.errors import PhotoError
from app.photos.storage import PhotoStorage, photo_storage
from worker.console import progress_bar
from worker.evaluation.bootstrap import estimates
from worker.evaluation.disturbances import (
    DISTURBANCES,
    UNDISTURBED,
    Disturbance,
    Strength,
    View,
    disturbed,
    view_of,
)
from worker.evaluation.metrics import MISSING, Values, encode, precision_at, relevance
from worker.evaluation.neighbours import Rows, blocks, largest, unit_length
from worker.evaluation.report import Key, choose_queries, figures_of, intervals_of
from worker.evaluation.run import read
from worker.evaluation.seen import seen_products, training_warnings
from worker.evaluation.stored import Gallery, fetch_references, record

EDGE = 512
"""Pixels of the shorter edge that a larger photo is reduced to before it is disturbed."""

PHOTOS_AT_ONCE = 16
"""Photos whose variants are embedded together."""

SAME = 1e-5
"""Difference of similarities below which two products count as equally similar: products may share
a photo."""

Variant = tuple[str, str]
"""A disturbance's name, and its strength."""


def variants() -> dict[Variant, tuple[Sequence[Disturbance], Strength]]:
    """Return what each photo is disturbed by, once not at all."""
    every: dict[Variant, tuple[Sequence[Disturbance], Strength]] = {
        (UNDISTURBED, "none"): ((), Strength.MILD)
    }
    for name, chosen in DISTURBANCES.items():
        for strength in Strength:
            every[name, str(strength)] = (chosen, strength)
    return every


def measure_robustness(
    database: Database, model: EmbeddingModel, sample: int, seed: int
) -> dict[str, Any]:
    """Disturb photos, look for their products among all, and record the figures.

    The photos are those of products that the model wasn't trained on, where that is known.

    Args:
        database: the open database.
        model: the model.
        sample: at most so many photos.
        seed: of the choice of photos and of all disturbances.

    Returns:
        `{"name", "gallery", "queries", "trained_on", "seed", "robustness": {DISTURBANCE: {STRENGTH:
        {"queries", "R@1", "R@5", LABEL: {"precision@5"}, "intervals": {…}}}}, "warnings": […]}`.
        R@k is the share of the photos whose product is among the first k; precision@5 is that of
        the first label among the five nearest other products.

    Raises:
        LookalikeError: fewer than two products have a vector of the model, its weights or the
            photos aren't here, or no photo can be read.
    """
    gallery, _ = read(database, model)
    seen = seen_products(model, gallery, database.settings)
    unseen = np.flatnonzero(~seen) if seen is not None else np.arange(len(gallery.item_ids))
    warnings = [] if seen is not None else training_warnings(model, seen)
    if not len(unseen):
        unseen, warnings = np.arange(len(gallery.item_ids)), training_warnings(model, seen)
    rows = unseen[choose_queries(len(unseen), sample, seed)]
    with database.connection() as connection:
        storage = photo_storage(connection, database.settings)
        references = fetch_references(connection, gallery.item_ids[rows])
    storage.require()
    encoder = load_encoder(
        EncoderSpec(model.backbone, model.preprocessing, model.weights_sha256, model.precision),
        database.settings.home,
    )
    vectors, cut, readable = _embed(encoder, storage, references, gallery.products()[rows], seed)
    if not readable.any():
        raise LookalikeError(
            f"none of {len(rows)} photos can be read: see `lookalike jobs list`, or run `lookalike "
            "ingest` again"
        )
    if not readable.all():
        warnings.append(f"{(~readable).sum():,} photos can't be read and were left out")
    found = _figures(gallery, rows[readable], vectors, cut)
    figures = {
        "trained_on": None if seen is None else int(seen.sum()),
        "seed": seed,
        "robustness": found,
    }
    size, queries = len(gallery.item_ids), int(readable.sum())
    with database.connection() as connection:
        record(connection, model, size, queries, figures)
    return {
        "name": model.name, "gallery": size, "queries": queries, **figures, "warnings": warnings,
    }  # fmt: skip


def _embed(
    encoder: Encoder,
    storage: PhotoStorage,
    references: Sequence[str | None],
    products: NDArray[np.uint32],
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Embed all variants of photos.

    Returns:
        The vectors of the P photos that can be read, shape `(P, V, D)`; which of them have a
        product that can be cut out, `(P,)`; and which of all photos can be read, `(N,)`.
    """
    every = list(variants().values())
    backbone = encoder.backbone

    def prepare(place: int) -> tuple[NDArray[np.uint8], bool] | None:
        view = _view(storage, references[place])
        if view is None:
            return None
        pixels = [
            to_square(
                # Its own generator for each variant: none depends on which others there are.
                disturbed(
                    view, *chosen, np.random.default_rng([seed, int(products[place]), number])
                ),
                backbone.input_size,
                backbone.resize,
            )
            for number, chosen in enumerate(every)
        ]
        return np.stack(pixels), view.mask is not None

    vectors, cut, readable = [], [], []
    with (
        ThreadPoolExecutor(storage.readers_for(filter(None, references))) as pool,
        progress_bar(len(references), "disturbing photos", "photos") as bar,
    ):
        for part in _parts(range(len(references)), PHOTOS_AT_ONCE):
            prepared = list(pool.map(prepare, part))
            whole = [each for each in prepared if each is not None]
            if whole:
                batch = np.concatenate([pixels for pixels, _ in whole])
                vectors.append(encoder.encode(batch).reshape(len(whole), len(every), -1))
                cut += [has_mask for _, has_mask in whole]
            readable += [each is not None for each in prepared]
            bar.update(len(part))
    return (
        np.concatenate(vectors) if vectors else np.empty((0, len(every), 0), np.float32),
        np.array(cut, dtype=bool),
        np.array(readable, dtype=bool),
    )


def _parts(places: Sequence[int], size: int) -> Iterator[list[int]]:
    left = iter(places)
    while part := list(islice(left, size)):
        yield part


def _view(storage: PhotoStorage, reference: str | None) -> View | None:
    """Read a photo, None if it can't be read."""
    if reference is None:
        return None
    try:
        picture = load_picture(storage.read(reference), EDGE)
    except PhotoError:
        return None
    if min(picture.size) > EDGE:
        share = EDGE / min(picture.size)
        picture = picture.resize(
            (round(picture.width * share), round(picture.height * share)), Image.Resampling.BILINEAR
        )
    return view_of(picture)


def _figures(
    gallery: Gallery, rows: Rows, vectors: NDArray[np.float32], cut: NDArray[np.bool_]
) -> dict[str, dict[str, Any]]:
    """Return the figures of each variant; see `measure_robustness`."""
    unit = unit_length(gallery.vectors)
    label = next(iter(gallery.labels), None)
    codes = None if label is None else encode(gallery.labels[label])[0]
    found: dict[str, dict[str, Any]] = {}
    for number, (name, strength) in enumerate(variants()):
        # Where nothing can be cut out, there is no other background either.
        asked = cut if name == "background" else np.ones(len(rows), dtype=bool)
        own = rows[asked]
        ranks, neighbours = look_up(unit, vectors[asked, number], own)
        values: dict[Key, Values] = {("", f"R@{k}"): (ranks < k).astype(float) for k in (1, 5)}
        if codes is not None:
            assert label is not None  # noqa: S101
            relevant = relevance(codes, own, neighbours)
            values[label, "precision@5"] = precision_at(relevant, codes[own] != MISSING, 5)
        known = estimates(values)
        found.setdefault(name, {})[strength] = {
            "queries": len(own), **figures_of(known), "intervals": intervals_of(known),
        }  # fmt: skip
    return found


def look_up(
    gallery: NDArray[np.float32], vectors: NDArray[np.float32], own: Rows
) -> tuple[Rows, Rows]:
    """Search for photos whose product is known.

    Args:
        gallery: unit vectors, shape `(N, D)`.
        vectors: the photos' unit vectors, shape `(Q, D)`.
        own: the row of each photo's product, shape `(Q,)`.

    Returns:
        How many products are more similar than the photo's own, shape `(Q,)`; and the five most
        similar others, shape `(Q, at most 5)`.
    """
    ranks = np.empty(len(own), dtype=np.int64)
    nearest = np.empty((len(own), min(5, len(gallery) - 1)), dtype=np.int64)
    for start, block in blocks(np.arange(len(own)), len(gallery)):
        part = slice(start, start + len(block))
        similarity = vectors[part] @ gallery.T
        line = np.arange(len(block))
        reached = similarity[line, own[part]][:, None]
        ranks[part] = (similarity > reached + SAME).sum(axis=1)
        similarity[line, own[part]] = -np.inf
        nearest[part] = largest(similarity, nearest.shape[1])
    return ranks, nearest
