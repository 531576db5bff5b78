"""The long steps of the job as a person sees them: a progress bar, then what came of it."""

import logging
import time
from contextlib import ExitStack
from threading import Event

import psycopg

from app.database import Database, EmbeddingModel
from app.photos.errors import PhotoStorageLost, PhotoStorageUnavailable
from app.settings import Settings
from worker.console import progress_bar, say
from worker.embedding.batch import Tally
from worker.embedding.engines import Drain, Engine
from worker.embedding.index import ensure_index
from worker.embedding.metrics import count_photos


def work_off(
    database: Database,
    settings: Settings,
    model: EmbeddingModel,
    pending: int,
    stop: Event,
    engine: Engine,
) -> None:
    """Embed what is queued for a model.

    Args:
        database: the open database.
        settings: batch size, photos' root.
        model: the model.
        pending: how many photos are queued, for the progress bar.
        stop: set it to stop after the batch under way.
        engine: where the network runs.

    Raises:
        PhotoStorageUnavailable: no root of photos.
        PhotoStorageLost: it went away after photos of it were embedded, which stay so.
        LookalikeError: no weights.
    """
    begun = time.monotonic()
    with engine(database, settings, model, stop) as drain:
        started = time.monotonic()
        total = _drained(drain, model, pending)
        seconds = time.monotonic() - started
    say(
        "embedded",
        f"{model.name}: {total.embedded:,} embedded, {total.failed:,} failed in {seconds:.1f} s "
        f"({total.embedded / max(seconds, 0.001):.0f} photos/s, after {started - begun:.1f} s to "
        "load the network)",
        model=model.name,
        embedded=total.embedded,
        failed=total.failed,
        seconds=round(seconds, 3),
        seconds_to_load=round(started - begun, 3),
    )
    if total.failed:
        say("photos_failed", "`lookalike jobs list` says why photos failed", model=model.name)


def _drained(drain: Drain, model: EmbeddingModel, pending: int) -> Tally:
    """Watch a queue being drained, and return what became of its photos."""
    total = Tally()
    count_photos(model.name)
    with progress_bar(pending, f"embedding with {model.name}", "photos") as bar:

        def count(tally: Tally) -> None:
            nonlocal total
            total += tally
            count_photos(model.name, embedded=tally.embedded, failed=tally.failed)
            bar.update(tally.embedded + tally.failed)

        def wait(left: int) -> None:
            bar.set_postfix_str(f"waiting for other workers, {left:,} left")

        try:
            drain(count, wait)
        except PhotoStorageUnavailable as error:
            if not total.embedded:
                raise  # as likely as not the setting is wrong, and there never was a photo
            raise PhotoStorageLost(str(error)) from None
    return total


def build_index(database: Database, settings: Settings, model: EmbeddingModel, stop: Event) -> None:
    """Build a model's index unless it is there, and say so, or who may.

    Args:
        database: the open database.
        settings: the index's parameters.
        model: the model.
        stop: set it to give up.
    """
    begun = time.monotonic()
    with ExitStack() as stack:
        bar = None

        def show(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                bar = stack.enter_context(progress_bar(total, f"indexing {model.name}", "vectors"))
            bar.update(done - bar.n)

        try:
            built = ensure_index(database, model, settings, show, stop)
        except psycopg.errors.InsufficientPrivilege:
            say(
                "no_index",
                f"{model.name}: no index yet, and searches are slower without: have the schema's "
                "owner run `lookalike embed`",
                err=True,
                level=logging.WARNING,
                model=model.name,
            )
            return
    if built:
        seconds = time.monotonic() - begun
        text = f"{model.name}: index built in {seconds:.1f} s"
        say("index_built", text, model=model.name, seconds=round(seconds, 3))
