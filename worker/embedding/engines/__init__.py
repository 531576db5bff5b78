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
"""Embeds what is queued, as `worker.embedding.worker.Worker.drain` does."""


class Engine(Protocol):
    """Gets ready to drain models' queues, and keeps between them what is dear to load."""

    def ready(
        self, database: Database, model: EmbeddingModel, stop: Event
    ) -> AbstractContextManager[Drain]:
        """Load a model's network; return what gives the drain of its queue, for a block.

        Args:
            database: the open database.
            model: the model.
            stop: set it, and the batches under way are the last.

        Raises:
            PhotoStorageUnavailable: the photos aren't there.
            LookalikeError: no weights, or the network can't be loaded.
        """

    def retain(self, models: Sequence[EmbeddingModel]) -> None:
        """Free the networks of all other models."""


def open_engine(name: str, settings: Settings) -> Engine:
    """Return the engine `local` or `ray`.

    Raises:
        LookalikeError: it needs packages that aren't installed.
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
