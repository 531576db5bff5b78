"""The state of the models: progress, queue, failed photos, and quality."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from app.database import query


@dataclass(frozen=True)
class ModelState:
    """How far a model has come with the photos of listed products, and the state of its index."""

    name: str
    active: bool
    items: int
    """Photos: embedded + pending + failed."""
    embedded: int
    pending: int
    failed: int
    percent: float
    """100 × embedded / items."""
    per_minute: int
    """Vectors written in the last minute."""
    last_embedded_at: datetime | None
    index: str
    """valid, building, missing or invalid."""


@dataclass(frozen=True)
class Queue:
    """A model's jobs."""

    model: str
    due: int
    waiting: int
    """For their next attempt, or for the worker that has them to finish."""
    failed: int


@dataclass(frozen=True)
class Job:
    """A photo still to embed, or one that failed."""

    model: str
    item_id: int
    sku: str
    position: int
    state: str
    attempts: int
    failures: int
    retry_after: datetime | None
    """None if only `lookalike jobs retry` or another photo leads to a retry."""
    last_error: str | None
    reference: str


@dataclass(frozen=True)
class Reason:
    """Why photos failed."""

    reason: str
    photos: int


@dataclass(frozen=True)
class Evaluation:
    """A row of `evaluations`."""

    name: str
    """The model's name."""
    gallery: int
    queries: int
    figures: dict[str, Any]
    evaluated_at: datetime


def list_states(connection: psycopg.Connection[Any]) -> list[ModelState]:
    """Return the state of each model, by name. Reads all photos: some 0.1 s for 40,000."""
    with connection.cursor(row_factory=class_row(ModelState)) as rows:
        return rows.execute(query(__package__, "list_states")).fetchall()


def list_queues(connection: psycopg.Connection[Any]) -> list[Queue]:
    """Return the queue of each model, by name."""
    with connection.cursor(row_factory=class_row(Queue)) as rows:
        return rows.execute(query(__package__, "count_queue")).fetchall()


def list_jobs(connection: psycopg.Connection[Any], state: str, limit: int) -> list[Job]:
    """Return jobs in a state, `pending` or `failed`, by model and product."""
    parameters = {"state": state, "limit": limit}
    with connection.cursor(row_factory=class_row(Job)) as rows:
        return rows.execute(query(__package__, "list_jobs"), parameters).fetchall()


def count_jobs(connection: psycopg.Connection[Any], state: str) -> int:
    """Return the number of jobs in a state."""
    row = connection.execute(query(__package__, "count_jobs"), {"state": state}).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives a row
    return int(row[0])


def list_reasons(connection: psycopg.Connection[Any], limit: int) -> list[Reason]:
    """Return why photos failed, the most common reason first."""
    with connection.cursor(row_factory=class_row(Reason)) as rows:
        return rows.execute(query(__package__, "list_reasons"), {"limit": limit}).fetchall()


def list_evaluations(
    connection: psycopg.Connection[Any], *, robustness: bool = False
) -> list[Evaluation]:
    """Return the last evaluation of each model that has one.

    Args:
        connection: to the database.
        robustness: those of robustness, else those of neighbours.
    """
    parameters = {"robustness": robustness}
    with connection.cursor(row_factory=class_row(Evaluation)) as rows:
        return rows.execute(query(__package__, "list_latest_evaluations"), parameters).fetchall()
