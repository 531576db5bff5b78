"""The actors on the nodes of a Ray cluster, which drain the queue in slices of time.

A batch is one transaction, from its claim to its vectors, and a transaction can't move between
processes. So a task of Ray is not a photo but a slice of time in which an actor drains the queue
as the local engine does. If a node dies, its transactions are rolled back and its photos are
pending again.
"""

import asyncio
import pickle
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any, NamedTuple

import psycopg
import ray

from app.database import open_database
from app.errors import LookalikeError
from app.models import EmbeddingModel
from app.settings import Settings
from worker.embedding.engines import Drain
from worker.embedding.engines.local import LocalEngine
from worker.embedding.worker import Tally

SLICE_SECONDS = 30.0
"""Length of a slice. At the start of each the network waits some tenths of a second for a decoded
batch; progress is reported only at its end."""


class Assignment(NamedTuple):
    """The settings and the model of an actor."""

    settings: Settings
    """The command's settings, with the database's URL, regardless of a node's environment."""
    model: EmbeddingModel


@dataclass
class Report:
    """The report of a slice."""

    actor: str
    """The actor's id."""
    tally: Tally = field(default_factory=Tally)
    waiting: int | None = None
    """How many photos other workers had while this actor waited for them."""
    idle: bool = False
    """Whether no work is left: all photos are done, or the work was stopped."""
    error: Exception | None = None


class StopSignal:
    """The actor that ends slices: each when its time is over, or all at once."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()

    async def set(self) -> None:
        """End current slices after their batches, and future slices before they begin."""
        self._stop.set()

    async def is_set(self) -> bool:
        """Return whether it was set."""
        return self._stop.is_set()

    async def end_of_slice(self) -> None:
        """Wait until a slice that begins now has to end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), SLICE_SECONDS)


class EmbeddingActor:
    """The actor that embeds, one per GPU or group of cores; its first slice loads the network.

    Args:
        assignment: the settings and the model.
        stop_signal: the handle of the `StopSignal`.
    """

    def __init__(self, assignment: Assignment, stop_signal: Any) -> None:
        self._assignment, self._stop_signal = assignment, stop_signal
        self._stack = ExitStack()  # closed by the end of the process
        self._stop = Event()
        self._drain: Drain | None = None

    def __call__(self, _slice: dict[str, Any]) -> dict[str, list[bytes]]:
        """Work for one slice; return one row with a pickled `Report`.

        Errors are part of the report, since Ray would wrap exceptions in its own.
        """
        report = Report(ray.get_runtime_context().get_actor_id())
        try:
            self._work(report)
        except psycopg.Error as error:
            report.error = error
        except LookalikeError as error:
            where = ray.util.get_node_ip_address()
            report.error = type(error)(f"{error} (on node {where})")
        return {"report": [pickle.dumps(report)]}

    def _work(self, report: Report) -> None:
        if self._drain is None:
            self._drain = self._get_ready()
            return
        if ray.get(self._stop_signal.is_set.remote()):
            report.idle = True
            return

        def count(tally: Tally) -> None:
            report.tally += tally

        def wait(left: int) -> None:
            report.waiting = left

        self._stop.clear()
        end = self._stop_signal.end_of_slice.remote().future()
        end.add_done_callback(lambda _: self._stop.set())
        self._drain(count, wait)
        report.idle = not self._stop.is_set()

    def _get_ready(self) -> Drain:
        settings, model = self._assignment
        database = self._stack.enter_context(open_database(settings))
        return self._stack.enter_context(LocalEngine(settings).ready(database, model, self._stop))
