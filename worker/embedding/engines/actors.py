"""What runs on the nodes of a Ray cluster: actors that work on the queue, one slice after another.

A batch is one transaction, from its claim to its vectors, and a transaction can't travel between
processes. So a task of Ray's is no photo but a slice of time: leave to work on the queue for a
while, as the local engine does. A slice that dies with its node is rolled back, and its photos are
free again.
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
"""How long a slice is. Between two the network waits some tenths of a second for a decoded batch;
within one nobody hears of what was embedded."""


class Assignment(NamedTuple):
    """What an actor has to know."""

    settings: Settings
    """The driver's, with the database's URL, whatever the environment of a node says."""
    model: EmbeddingModel


@dataclass
class Report:
    """What came of a slice."""

    actor: str
    """Which actor worked."""
    tally: Tally = field(default_factory=Tally)
    waiting: int | None = None
    """How many photos other workers had when there was nothing else to do."""
    idle: bool = False
    """Whether nothing was left to begin: all photos are done, or it was stopped before."""
    error: Exception | None = None


class StopSignal:
    """The actor that ends slices: each when its time is over, all of them when it is set."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()

    async def set(self) -> None:
        """End the slices under way after their batches, and those to come before they begin."""
        self._stop.set()

    async def is_set(self) -> bool:
        """Say whether it was set."""
        return self._stop.is_set()

    async def end_of_slice(self) -> None:
        """Return when a slice that begins now has to end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), SLICE_SECONDS)


class EmbeddingActor:
    """The actor that embeds, one per GPU or group of cores; its first slice loads the network.

    Args:
        assignment: what to do.
        stop_signal: the handle of the `StopSignal`.
    """

    def __init__(self, assignment: Assignment, stop_signal: Any) -> None:
        self._assignment, self._stop_signal = assignment, stop_signal
        self._stack = ExitStack()  # closed by the end of the process
        self._stop = Event()
        self._drain: Drain | None = None

    def __call__(self, _slice: dict[str, Any]) -> dict[str, list[bytes]]:
        """Work for a slice, and return one row: a pickled `Report`.

        What people can act on is reported too, for Ray would wrap what is raised.
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
