"""Where the network runs: in this process, or on the nodes of a Ray cluster."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from threading import Event
from typing import Protocol

from app.database import Database
from app.errors import LookalikeError
from app.models import EmbeddingModel
from app.settings import Settings
from worker.embedding.worker import OnProgress, OnWait

Drain = Callable[[OnProgress, OnWait], None]
"""Embeds the queued photos; see `worker.embedding.worker.Worker.drain`."""


class Engine(Protocol):
    """Drains models' queues, and keeps their networks loaded in between."""

    def ready(
        self, database: Database, model: EmbeddingModel, stop: Event
    ) -> AbstractContextManager[Drain]:
        """Return a context that loads a model's network and gives the function to drain its queue.

        Args:
            database: the open database.
            model: the model.
            stop: set it to stop after the batches in progress.

        Raises:
            PhotoStorageUnavailable: the photo storage is unavailable.
            LookalikeError: there are no weights, or the network can't be loaded.
        """

    def retain(self, models: Sequence[EmbeddingModel]) -> None:
        """Free the networks of all other models."""


def open_engine(name: str, settings: Settings) -> Engine:
    """Return the engine `local` or `ray`.

    Raises:
        LookalikeError: the engine needs packages that aren't installed.
    """
    if name == "ray":
        try:
            from worker.embedding.engines.cluster import RayEngine
        except ImportError:
            raise LookalikeError(
                "--engine ray needs more packages: pip install 'lookalike[ray]'"
            ) from None
        return RayEngine(settings)
    from worker.embedding.engines.local import LocalEngine

    return LocalEngine(settings)
