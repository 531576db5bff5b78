"""What runs on the nodes of a cluster: actors that work on the queue turn by turn.

A batch is one transaction, from its claim to its vectors, and a transaction can't travel between
processes. So what Ray hands out is no photo but a turn: leave to work on the queue for a while, as
the local engine does. A turn that dies with its node is rolled back, and its photos are free again.
"""

import asyncio
import pickle
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any, NamedTuple

import psycopg
import ray
from sqlalchemy.exc import DBAPIError

from app.database import EmbeddingModel, open_database
from app.errors import LookalikeError
from app.settings import Settings
from worker.embedding.batch import Tally
from worker.embedding.engines import Drain, local

TURN_SECONDS = 30.0
"""How long a turn is. Between two the network waits some tenths of a second for a decoded batch;
within one nobody hears of what was embedded."""


class Task(NamedTuple):
    """What an actor has to know."""

    settings: Settings
    """The driver's, with the database's URL, whatever the environment of a node says."""
    model_id: int


@dataclass
class Report:
    """What came of a turn."""

    player: str
    """Whose turn it was."""
    tally: Tally = field(default_factory=Tally)
    waiting: int | None = None
    """How many photos other workers had when there was nothing else to do."""
    idle: bool = False
    """Whether nothing was left to begin: all photos are done, or the whistle was blown before."""
    error: Exception | None = None


class Whistle:
    """The actor that ends turns: each when its time is over, all of them when it is blown."""

    def __init__(self) -> None:
        self._blown = asyncio.Event()

    async def blow(self) -> None:
        """End the turns under way after their batches, and those to come before they begin."""
        self._blown.set()

    async def is_blown(self) -> bool:
        """Say whether it was blown."""
        return self._blown.is_set()

    async def end_of_turn(self) -> None:
        """Return when a turn that begins now has to end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._blown.wait(), TURN_SECONDS)


class Player:
    """The actor that embeds, one per GPU or group of cores; its first turn loads the network.

    Args:
        task: what to do.
        whistle: the handle of the `Whistle`.
    """

    def __init__(self, task: Task, whistle: Any) -> None:
        self._task, self._whistle = task, whistle
        self._stack = ExitStack()  # closed by the end of the process
        self._stop = Event()
        self._drain: Drain | None = None

    def __call__(self, _turn: dict[str, Any]) -> dict[str, list[bytes]]:
        """Take a turn, and return one row: a pickled `Report`.

        What people can act on is reported too, for Ray would wrap what is raised.
        """
        report = Report(ray.get_runtime_context().get_actor_id())
        try:
            self._take_turn(report)
        except (psycopg.Error, DBAPIError) as error:
            report.error = error
        except LookalikeError as error:
            where = ray.util.get_node_ip_address()
            report.error = type(error)(f"{error} (on node {where})")
        return {"report": [pickle.dumps(report)]}

    def _take_turn(self, report: Report) -> None:
        if self._drain is None:
            self._drain = self._get_ready()
            return
        if ray.get(self._whistle.is_blown.remote()):
            report.idle = True
            return

        def count(tally: Tally) -> None:
            report.tally += tally

        def wait(left: int) -> None:
            report.waiting = left

        self._stop.clear()
        end = self._whistle.end_of_turn.remote().future()
        end.add_done_callback(lambda _: self._stop.set())
        self._drain(count, wait)
        report.idle = not self._stop.is_set()

    def _get_ready(self) -> Drain:
        settings, model_id = self._task
        database = self._stack.enter_context(open_database(settings))
        with database.session() as session:
            model = session.get_one(EmbeddingModel, model_id)
        return self._stack.enter_context(local.get_ready(database, settings, model, self._stop))
