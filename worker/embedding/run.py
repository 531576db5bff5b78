"""The job of `lookalike embed`: fill and drain the queue of every model, and build its index.

Once, or with --follow again after each ingest.
"""

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

import psycopg

from app.database import Database, query
from app.errors import LookalikeError, MissingWeightsError
from app.models import EmbeddingModel, ensure_index, get_model, list_models
from app.photos.errors import PhotoStorageLost, PhotoStorageUnavailable
from app.settings import Settings
from worker.console import progress_bar, say
from worker.embedding.engines import Drain, Engine
from worker.embedding.metrics import count_photos
from worker.embedding.queue import count_backlog, fill_queue, revive_jobs
from worker.embedding.registration import register_default
from worker.embedding.reuse import reuse_vectors
from worker.embedding.worker import Tally

POLL_SECONDS = 1.0
"""Interval at which --follow checks whether there was an ingest."""

LOOK_SECONDS = 30.0
"""Interval at which it checks for other work: photos to retry, new models."""


@dataclass
class _Totals:
    """What was done for a model since the last report, across outages."""

    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    seconds_to_load: float = 0.0


class EmbeddingRun:
    """One run of `lookalike embed`; it outlives its connections to the database.

    Args:
        settings: the default model, and the index's parameters.
        engine: where the networks run.
        stop: set it to stop after the batches in progress.
        name: only this model; None for all. If there is none, the default model is registered.
        follow: wait for further work instead of returning.
        look_seconds: with `follow`, the interval to check for work that no ingest brings.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        stop: Event,
        *,
        name: str | None = None,
        follow: bool = False,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._settings, self._engine, self._stop = settings, engine, stop
        self._name, self._follow, self._look_seconds = name, follow, look_seconds
        self._filled: dict[int, datetime | None] = {}
        """By model, the time of the last ingest when its queue was filled."""
        self._unindexed: set[int] = set()
        """Models whose index may be missing."""
        self._totals: dict[str, _Totals] = {}
        self._passed_over: set[str] = set()

    def work(self, database: Database) -> None:
        """Embed the photos that lack a current vector. It can be called again after an outage.

        Args:
            database: the open database.

        Raises:
            LookalikeError: the model, its weights or the photos are missing. Of several models,
                those without weights are skipped, and raise at the end.
        """
        while not self._stop.is_set():
            ingested_at = _get_ingested_at(database)
            models = self._models(database)
            self._engine.retain([model for model in models if not model.dropping])
            passed_over = [
                model.name for model in models if not self._look_after(database, model, ingested_at)
            ]
            if not self._follow:
                if passed_over and not self._stop.is_set():
                    raise LookalikeError(f"the photos of {', '.join(passed_over)} still wait")
                return
            self._wait_for_work(database, ingested_at)

    def report(self) -> None:
        """Report what was done since the last report, when a run ends early."""
        for name, totals in self._totals.items():
            if totals.tally != Tally():
                _say_embedded(name, totals)
        self._totals.clear()

    def _models(self, database: Database) -> list[EmbeddingModel]:
        with database.connection() as connection:
            if self._name is not None:
                return [get_model(connection, self._name)]
            models = list_models(connection)
        return models or register_default(database, self._settings)

    def _wait_for_work(self, database: Database, ingested_at: datetime | None) -> None:
        until = time.monotonic() + self._look_seconds
        while not self._stop.wait(POLL_SECONDS) and time.monotonic() < until:
            if _get_ingested_at(database) != ingested_at:
                return

    def _look_after(
        self, database: Database, model: EmbeddingModel, ingested_at: datetime | None
    ) -> bool:
        """Embed with a model; return False if this machine lacks its weights."""
        if self._stop.is_set():
            return True
        try:
            if model.dropping:
                self._pass_over_dropped(model)
            else:
                self._embed(database, model, ingested_at)
        except MissingWeightsError as error:
            if self._name is not None:
                raise
            self._say_once(model, "no_weights", f"{model.name} is passed over: {error}")
            return False
        except psycopg.Error:
            if not _was_dropped(database, model):
                raise
            self._pass_over_dropped(model)
        else:
            self._passed_over.discard(model.name)
        return True

    def _pass_over_dropped(self, model: EmbeddingModel) -> None:
        text = (
            f"the model {model.name} was dropped, or begun to be: if `lookalike models list` still "
            f"has it, run `lookalike models drop {model.name}` again"
        )
        if self._name is not None:
            raise LookalikeError(text)
        self._say_once(model, "model_dropped", text)

    def _say_once(self, model: EmbeddingModel, event: str, text: str) -> None:
        if model.name not in self._passed_over:
            self._passed_over.add(model.name)
            say(event, f"lookalike: {text}", err=True, level=logging.WARNING, model=model.name)

    def _embed(
        self, database: Database, model: EmbeddingModel, ingested_at: datetime | None
    ) -> None:
        reused = self._fill(database, model, ingested_at)
        with database.connection() as connection:
            backlog = count_backlog(connection, model.model_id)
        if backlog:
            self._unindexed.add(model.model_id)
            self._drain(database, model, backlog)
        elif reused == 0 and model.name not in self._totals:
            say("nothing_to_embed", f"{model.name}: nothing to embed", model=model.name)
        if self._stop.is_set():
            return
        if model.name in self._totals:
            _say_embedded(model.name, self._totals.pop(model.name))
        if model.model_id in self._unindexed:
            _build_index(database, self._settings, model, self._stop)
            self._unindexed.discard(model.model_id)

    def _fill(
        self, database: Database, model: EmbeddingModel, ingested_at: datetime | None
    ) -> int | None:
        """Fill a model's queue; return how many vectors were reused, None if nothing was compared.

        Comparing reads all photos and vectors, so it is done only once after each ingest.
        """
        model_id = model.model_id
        begun = model_id in self._filled
        if begun and self._filled[model_id] == ingested_at:
            with database.connection() as connection:
                revive_jobs(connection, model_id, early=False)
            return None
        with database.connection() as connection:
            fill_queue(connection, model_id)
            revive_jobs(connection, model_id, early=not begun)
        with database.connection() as connection:
            reused = reuse_vectors(connection, model_id)
        _say_reused(model, reused)
        self._filled[model_id] = ingested_at
        self._unindexed.add(model_id)
        return reused

    def _drain(self, database: Database, model: EmbeddingModel, backlog: int) -> None:
        totals = self._totals.setdefault(model.name, _Totals())
        begun = time.monotonic()
        with self._engine.ready(database, model, self._stop) as drain:
            started = time.monotonic()
            totals.seconds_to_load += started - begun
            try:
                _drain_queue(drain, model, backlog, totals.tally)
            except PhotoStorageUnavailable as error:
                if not totals.tally.embedded:
                    raise  # probably a wrong setting: no photo was ever read
                raise PhotoStorageLost(str(error)) from None
            finally:
                totals.seconds += time.monotonic() - started


def _get_ingested_at(database: Database) -> datetime | None:
    with database.connection() as connection:
        row = connection.execute(query(__package__, "get_ingested_at")).fetchone()
    return row[0] if row else None


def _was_dropped(database: Database, model: EmbeddingModel) -> bool:
    try:
        with database.connection() as connection:
            models = list_models(connection)
    except psycopg.Error:
        return False  # the database is unavailable
    there = {found.model_id for found in models if not found.dropping}
    return model.model_id not in there


def _drain_queue(drain: Drain, model: EmbeddingModel, backlog: int, total: Tally) -> None:
    """Drain a model's queue with a progress bar, and add its counts to `total`."""
    count_photos(model.name)
    with progress_bar(backlog, f"embedding with {model.name}", "photos") as bar:

        def count(tally: Tally) -> None:
            nonlocal total
            total += tally
            count_photos(model.name, embedded=tally.embedded, failed=tally.failed)
            bar.update(tally.embedded + tally.failed)

        def wait(left: int) -> None:
            bar.set_postfix_str(f"waiting for other workers, {left:,} left")

        drain(count, wait)


def _say_reused(model: EmbeddingModel, reused: int) -> None:
    if reused:
        say(
            "copied",
            f"{model.name}: {reused:,} had the same file as another photo: its vector was copied",
            model=model.name,
            copied=reused,
        )


def _say_embedded(name: str, totals: _Totals) -> None:
    tally, seconds = totals.tally, totals.seconds
    say(
        "embedded",
        f"{name}: {tally.embedded:,} embedded, {tally.failed:,} failed in {seconds:.1f} s "
        f"({tally.embedded / max(seconds, 0.001):.0f} photos/s, after "
        f"{totals.seconds_to_load:.1f} s to load the network)",
        model=name,
        embedded=tally.embedded,
        failed=tally.failed,
        seconds=round(seconds, 3),
        seconds_to_load=round(totals.seconds_to_load, 3),
    )
    if tally.failed:
        say("photos_failed", "`lookalike jobs list` says why photos failed", model=name)


def _build_index(
    database: Database, settings: Settings, model: EmbeddingModel, stop: Event
) -> None:
    """Build a model's index if it is missing, and report that, or who may build it."""
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
