"""Registering a model once its weights have loaded, and the default model of an empty database."""

from dataclasses import replace
from pathlib import Path

import app.models
from app.database import Database
from app.encoders.networks import build
from app.encoders.precision import Precision
from app.encoders.projection import projected, shape_in
from app.encoders.registry import get_backbone
from app.encoders.weights import default_file, keep, sha256_of
from app.errors import LookalikeError
from app.models import EmbeddingModel, list_models, require_free
from app.photos.decode import Resize
from app.settings import Settings
from worker.console import say


def register(
    database: Database,
    settings: Settings,
    backbone_name: str,
    name: str | None = None,
    weights: Path | None = None,
    precision: Precision = Precision.AUTO,
    resize: Resize | None = None,
) -> EmbeddingModel:
    """Register a model: find its weights, check that they load, keep a copy, add its row.

    Args:
        database: the open database.
        settings: where weights are kept.
        backbone_name: the network.
        name: the model's name; by default the backbone's.
        weights: its weights file; by default the backbone's own.
        precision: what to compute in; `AUTO` lets the first worker choose.
        resize: how photos become squares; by default as for the backbone.

    Raises:
        LookalikeError: the backbone is unknown, the name is taken, or the weights can't be found or
            loaded.
    """
    backbone = get_backbone(backbone_name)
    backbone = replace(backbone, resize=resize or backbone.resize)
    name = name or backbone.name
    with database.connection() as connection:
        require_free(connection, name)
    file = weights or default_file(backbone)
    sha256_of(file)  # its error for a missing file is clearer than Keras's
    build(backbone, file)
    # The file may include a trained head, which changes the length of the vectors.
    backbone = projected(backbone, shape_in(file))
    weights_sha256 = keep(file, settings.home)
    with database.connection() as connection:
        return app.models.register(connection, backbone, name, weights_sha256, precision)


def register_default(database: Database, settings: Settings) -> list[EmbeddingModel]:
    """Register the default model in a database without models, and return all models.

    Raises:
        LookalikeError: its weights can't be found or loaded.
    """
    text = f"registering {settings.model}, the first model of this database"
    say("registering", text, err=True, model=settings.model)
    try:
        return [register(database, settings, settings.model)]
    except LookalikeError:
        with database.connection() as connection:
            models = list_models(connection)  # another worker may have registered it first
        if not models:
            raise
        return models
