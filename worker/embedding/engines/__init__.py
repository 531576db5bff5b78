"""Where the network runs: in this process, or on the nodes of a Ray cluster."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Event
from typing import Protocol

from app.database import Database, EmbeddingModel
from app.errors import LookalikeError
from app.settings import Settings
from worker.embedding.lanes import OnProgress

Drain = Callable[[OnProgress, Callable[[int], None]], None]
"""Embeds what is queued. Takes what is told of each batch's or turn's outcome, and what is told now
and then how many photos other workers still have. Raises what `worker.embedding.drain` raises."""


class Engine(Protocol):
    """Gets ready to drain a model's queue, which includes loading its network."""

    def __call__(
        self, database: Database, settings: Settings, model: EmbeddingModel, stop: Event
    ) -> AbstractContextManager[Drain]:
        """Return what gives the drain, for the length of a block.

        Args:
            database: the open database.
            settings: batch size, photos' root, weights' folder.
            model: the model.
            stop: set it, and the batches under way are the last.

        Raises:
            PhotoStorageUnavailable: no root of photos.
            LookalikeError: no weights.
        """


def engine_named(name: str) -> Engine:
    """Return the engine `local` or `ray`.

    Raises:
        LookalikeError: it needs packages that aren't installed.
    """
    if name == "ray":
        try:
            from worker.embedding.engines import on_ray
        except ImportError:
            raise LookalikeError(
                "--engine ray needs more packages: pip install 'lookalike[ray]'"
            ) from None
        return on_ray.get_ready
    from worker.embedding.engines import local

    return local.get_ready
