"""The network in this process, on all of the machine that TensorFlow sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from threading import Event

from app.database import Database, EmbeddingModel
from app.encoders.cache import EncoderSpec, load_encoder
from app.encoders.precision import Precision
from app.items.photos import photo_root
from app.settings import Settings
from worker.embedding.drain import drain
from worker.embedding.engines import Drain
from worker.embedding.lanes import Lanes

_kept_encoder = cache(load_encoder)
"""A follower takes turns between models, and loads each one's network once."""


@contextmanager
def get_ready(
    database: Database, settings: Settings, model: EmbeddingModel, stop: Event
) -> Iterator[Drain]:
    """Load a model's network; see `Engine`."""
    with database.session() as session:
        root = photo_root(session, settings)
    root.require()
    spec = EncoderSpec(model.backbone, model.preprocessing, model.weights_sha256, model.precision)
    encoder = _kept_encoder(spec, settings.home)
    lanes = Lanes(database, model.model_id, encoder, root, settings.batch_size, stop)
    try:
        yield partial(drain, lanes)
    finally:
        if spec.precision == Precision.AUTO:
            _kept_encoder.cache_clear()  # from now on its row says what it has settled on
