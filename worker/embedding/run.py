"""The job of `lookalike embed`: every model reconciled, drained and indexed, once or for ever."""

import time
from threading import Event

import click

from app.database import Database, EmbeddingModel
from app.embedding_models import get_model, list_models
from app.encoders.encoder import Encoder
from app.items.photos import photo_root
from app.settings import Settings
from worker.console import progress_bar
from worker.embedding.batch import Tally
from worker.embedding.drain import drain, load_encoder
from worker.embedding.follow import Listener
from worker.embedding.index import ensure_index
from worker.embedding.queue import count_pending, reconcile
from worker.embedding.registration import register


def run(
    database: Database, settings: Settings, name: str | None, follow: bool, stop: Event
) -> None:
    """Embed what lacks a current vector.

    Args:
        database: the open database.
        settings: batch size, photos' root, index parameters.
        name: only this model; None for all. A database without any gets the default one.
        follow: wait for further work instead of returning.
        stop: set it to stop after the batch under way.

    Raises:
        LookalikeError: no such model, no photos' folder, or no weights.
    """
    encoders: dict[int, Encoder] = {}
    listener = Listener(database) if follow else None
    try:
        while not stop.is_set():
            for model in _chosen(database, settings, name):
                _embed(database, settings, model, encoders, stop)
            if listener is None:
                return
            listener.wait(stop)
    finally:
        if listener is not None:
            listener.close()


def _chosen(database: Database, settings: Settings, name: str | None) -> list[EmbeddingModel]:
    with database.session() as session:
        if name is not None:
            return [get_model(session, name)]
        models = list_models(session)
    if not models:
        click.echo(f"registering {settings.model}, the first model of this database", err=True)
        models = [register(database, settings, settings.model)]
    return models


def _embed(
    database: Database,
    settings: Settings,
    model: EmbeddingModel,
    encoders: dict[int, Encoder],
    stop: Event,
) -> None:
    with database.connection() as connection:
        reconcile(connection, model.model_id)
    with database.connection() as connection:
        pending = count_pending(connection, model.model_id)
    if pending:
        _work_off(database, settings, model, encoders, stop, pending)
    if stop.is_set():
        return
    _index(database, settings, model)


def _work_off(
    database: Database,
    settings: Settings,
    model: EmbeddingModel,
    encoders: dict[int, Encoder],
    stop: Event,
    pending: int,
) -> None:
    with database.session() as session:
        root = photo_root(session, settings)
    begun = time.monotonic()
    if model.model_id not in encoders:
        encoders[model.model_id] = load_encoder(model, settings.home)
    started = time.monotonic()
    total = Tally()
    with progress_bar(pending, f"embedding with {model.name}", "photos") as bar:

        def count(tally: Tally) -> None:
            nonlocal total
            total += tally
            bar.update(tally.embedded + tally.failed)

        drain(
            database,
            model.model_id,
            encoders[model.model_id],
            root,
            settings.batch_size,
            stop,
            count,
        )
    seconds = time.monotonic() - started
    click.echo(
        f"{model.name}: {total.embedded:,} embedded, {total.failed:,} failed in {seconds:.1f} s "
        f"({total.embedded / max(seconds, 0.001):.0f} photos/s, after {started - begun:.1f} s to "
        "load the network)"
    )
    if total.failed:
        click.echo("`lookalike jobs list` says why photos failed")


def _index(database: Database, settings: Settings, model: EmbeddingModel) -> None:
    begun = time.monotonic()
    with progress_bar(None, f"indexing {model.name}", "vectors") as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        built = ensure_index(database, model, settings, report)
    if built:
        click.echo(f"{model.name}: index built in {time.monotonic() - begun:.1f} s")
