"""The job of `lookalike embed`: every model reconciled, drained and indexed, once or for ever."""

import logging
from collections.abc import Callable
from contextlib import closing, nullcontext
from functools import partial
from threading import Event

import psycopg

from app.database import Database, EmbeddingModel
from app.errors import LookalikeError, MissingWeightsError
from app.models import get_model, is_whole, list_models
from app.settings import Settings
from worker.console import say
from worker.embedding.engines import Engine
from worker.embedding.follow import Listener
from worker.embedding.known import adopt_known
from worker.embedding.queue import count_pending, reconcile
from worker.embedding.registration import register
from worker.embedding.steps import build_index, work_off


def run(
    database: Database,
    settings: Settings,
    name: str | None,
    follow: bool,
    stop: Event,
    engine: Engine,
) -> None:
    """Embed what lacks a current vector.

    Args:
        database: the open database.
        settings: batch size, photos' root, index parameters.
        name: only this model; None for all. A database without any gets the default one.
        follow: wait for further work instead of returning.
        stop: set it to stop after the batch under way.
        engine: where the networks run.

    Raises:
        LookalikeError: no such model, no photos' folder, or no weights; of several models those
            without weights are passed over until the others are done.
    """
    with closing(Listener(database)) if follow else nullcontext() as listener:
        revive = True
        while not stop.is_set():
            passed_over = []
            for model in _chosen(database, settings, name):
                if stop.is_set():
                    return
                embed = partial(_embed, database, settings, model, stop, engine, revive=revive)
                try:
                    _take_turn(database, model, embed, sole=name is not None)
                except MissingWeightsError as error:
                    if name is not None:
                        raise
                    passed_over.append(model.name)
                    _say_passed_over(model, error)
            if listener is None:
                if passed_over:
                    raise LookalikeError(f"the photos of {', '.join(passed_over)} still wait")
                return
            revive = listener.wait(stop)


def _say_passed_over(model: EmbeddingModel, error: MissingWeightsError) -> None:
    say(
        "no_weights",
        f"lookalike: {model.name} is passed over: {error}",
        err=True,
        level=logging.WARNING,
        model=model.name,
    )


def _chosen(database: Database, settings: Settings, name: str | None) -> list[EmbeddingModel]:
    if name is not None:
        with database.session() as session:
            return [get_model(session, name)]
    models = _registered(database)
    if models:
        return models
    text = f"registering {settings.model}, the first model of this database"
    say("registering", text, err=True, model=settings.model)
    try:
        return [register(database, settings, settings.model)]
    except LookalikeError:
        models = _registered(database)  # another worker may have been quicker
        if not models:
            raise
        return models


def _registered(database: Database) -> list[EmbeddingModel]:
    with database.session() as session:
        return list_models(session)


def _take_turn(
    database: Database, model: EmbeddingModel, embed: Callable[[], None], *, sole: bool
) -> None:
    try:
        if _is_whole(database, model):
            embed()
            return
    except (psycopg.IntegrityError, psycopg.ProgrammingError):
        if _is_whole(database, model):
            raise
    text = (
        f"the model {model.name} was dropped, or begun to be: if `lookalike models list` still has "
        f"it, run `lookalike models drop {model.name}` again"
    )
    if sole:
        raise LookalikeError(text)
    say("model_dropped", f"lookalike: {text}", err=True, level=logging.WARNING, model=model.name)


def _embed(
    database: Database,
    settings: Settings,
    model: EmbeddingModel,
    stop: Event,
    engine: Engine,
    *,
    revive: bool,
) -> None:
    with database.connection() as connection:
        reconcile(connection, model.model_id, revive=revive)
    with database.connection() as connection:
        known = adopt_known(connection, model.model_id)
    if known:
        say(
            "copied",
            f"{model.name}: {known:,} had the photo of another product: its vector copied",
            model=model.name,
            copied=known,
        )
    with database.connection() as connection:
        pending = count_pending(connection, model.model_id)
    if pending:
        work_off(database, settings, model, pending, stop, engine)
    elif revive and not known:
        say("nothing_to_embed", f"{model.name}: nothing to embed", model=model.name)
    if (pending or revive) and not stop.is_set():
        build_index(database, settings, model, stop)


def _is_whole(database: Database, model: EmbeddingModel) -> bool:
    with database.connection() as connection:
        return is_whole(connection, model.model_id)
