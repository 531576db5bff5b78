"""The long steps of the job as a person sees them: a progress bar, then what came of it."""

import time
from contextlib import ExitStack
from functools import cache
from threading import Event

import click
import psycopg

from app.database import Database, EmbeddingModel
from app.encoders.loaded import load_encoder
from app.items.photos import photo_root
from app.settings import Settings
from worker.console import progress_bar
from worker.embedding.batch import Tally
from worker.embedding.drain import drain
from worker.embedding.index import ensure_index

_kept_encoder = cache(load_encoder)
"""A follower takes turns between models, and loads each one's network once."""


def work_off(
    database: Database, settings: Settings, model: EmbeddingModel, pending: int, stop: Event
) -> None:
    """Embed what is queued for a model.

    Args:
        database: the open database.
        settings: batch size, photos' root.
        model: the model.
        pending: how many photos are queued, for the progress bar.
        stop: set it to stop after the batch under way.

    Raises:
        LookalikeError: no root of photos, or no weights.
    """
    with database.session() as session:
        root = photo_root(session, settings)
    root.require()
    begun = time.monotonic()
    encoder = _kept_encoder(model.backbone, model.weights_sha256, settings.home)
    started = time.monotonic()
    total = Tally()
    with progress_bar(pending, f"embedding with {model.name}", "photos") as bar:

        def count(tally: Tally) -> None:
            nonlocal total
            total += tally
            bar.update(tally.embedded + tally.failed)

        def wait(left: int) -> None:
            bar.set_postfix_str(f"waiting for other workers, {left:,} left")

        drain(database, model.model_id, encoder, root, settings.batch_size, stop, count, wait)
    seconds = time.monotonic() - started
    click.echo(
        f"{model.name}: {total.embedded:,} embedded, {total.failed:,} failed in {seconds:.1f} s "
        f"({total.embedded / max(seconds, 0.001):.0f} photos/s, after {started - begun:.1f} s to "
        "load the network)"
    )
    if total.failed:
        click.echo("`lookalike jobs list` says why photos failed")


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
            click.echo(
                f"{model.name}: no index yet, and searches are slower without: have the schema's "
                "owner run `lookalike embed`",
                err=True,
            )
            return
    if built:
        click.echo(f"{model.name}: index built in {time.monotonic() - begun:.1f} s")
