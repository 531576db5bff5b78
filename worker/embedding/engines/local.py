"""The engine that runs the network in this process, on all devices that TensorFlow sees."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from app.database import Database
from app.encoders.cache import EncoderSpec, load_encoder
from app.encoders.encoder import Encoder
from app.encoders.precision import Precision
from app.models import EmbeddingModel
from app.photos.storage import photo_storage
from app.settings import Settings
from worker.embedding.engines import Drain
from worker.embedding.queue import UnrefundedAttempts
from worker.embedding.worker import Worker, network_errors

Load = Callable[[EncoderSpec, Path], Encoder]


class LocalEngine:
    """Loads each model's network once, since --follow goes from one model to the next.

    Args:
        settings: batch size, photos' root, weights' folder.
        load: loads a network with the weights in the folder.
    """

    def __init__(self, settings: Settings, load: Load = load_encoder) -> None:
        self._settings, self._load = settings, load
        self._encoders: dict[EncoderSpec, Encoder] = {}
        self._unrefunded = UnrefundedAttempts()

    @contextmanager
    def ready(self, database: Database, model: EmbeddingModel, stop: Event) -> Iterator[Drain]:
        """Load a model's network; see `Engine`."""
        with database.connection() as connection:
            storage = photo_storage(connection, self._settings)
        storage.require()
        spec = _spec(model)
        encoder = self._encoder(spec, model.name)
        worker = Worker(
            database,
            model,
            encoder,
            storage,
            self._settings.batch_size,
            stop,
            self._unrefunded,
        )
        try:
            yield worker.drain
        finally:
            if model.precision == Precision.AUTO:  # its row now has the precision that was chosen
                self._encoders[_spec(model, encoder.precision)] = self._encoders.pop(spec)

    def retain(self, models: Sequence[EmbeddingModel]) -> None:
        """Free the networks of all other models."""
        wanted = {_spec(model) for model in models}
        for spec in self._encoders.keys() - wanted:
            del self._encoders[spec]

    def _encoder(self, spec: EncoderSpec, name: str) -> Encoder:
        if spec not in self._encoders:
            with network_errors(name):
                self._encoders[spec] = self._load(spec, self._settings.home)
        return self._encoders[spec]


def _spec(model: EmbeddingModel, precision: str | None = None) -> EncoderSpec:
    return EncoderSpec(
        model.backbone,
        model.preprocessing,
        model.weights_sha256,
        str(precision or model.precision),
    )
