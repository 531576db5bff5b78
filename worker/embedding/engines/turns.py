"""What runs on the nodes of a cluster: actors that work on the queue turn by turn.

A batch is one transaction, from its claim to its vectors, and a transaction can't travel between
processes. So what Ray hands out is no photo but a turn: leave to work on the queue for a while, as
the local engine does. A turn that dies with its node is rolled back, and its photos are free again.
"""

import asyncio
import pickle
from contextlib import ExitStack, suppress
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


class Report(NamedTuple):
    """What came of a turn."""

    tally: Tally
    waiting: int | None = None
    """How many photos other workers had when there was nothing else to do."""
    done: bool = False
    """Whether nothing is queued any more, and nobody is at work."""
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

        What people can act on is reported, for Ray would wrap what is raised.
        """
        tally = Tally()
        waits: list[int] = []

        def count(done: Tally) -> None:
            nonlocal tally
            tally += done

        report = Report(tally)
        try:
            if self._drain is None:
                self._drain = self._get_ready()
            elif not ray.get(self._whistle.is_blown.remote()):
                self._stop.clear()
                over = self._whistle.end_of_turn.remote().future()
                over.add_done_callback(lambda _: self._stop.set())
                self._drain(count, waits.append)
                done = not self._stop.is_set()
                report = Report(tally, waits[-1] if waits and not done else None, done)
        except (psycopg.Error, DBAPIError) as error:
            report = Report(tally, error=error)
        except LookalikeError as error:
            where = ray.util.get_node_ip_address()
            report = Report(tally, error=type(error)(f"{error} (on node {where})"))
        return {"report": [pickle.dumps(report)]}

    def _get_ready(self) -> Drain:
        settings, model_id = self._task
        database = self._stack.enter_context(open_database(settings))
        with database.session() as session:
            model = session.get_one(EmbeddingModel, model_id)
        return self._stack.enter_context(local.get_ready(database, settings, model, self._stop))
