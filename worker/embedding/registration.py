"""Registering a model with weights that are known to load; the default one in an empty database."""

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
    """Register a model: find its weights, see that they load, keep them, add its row.

    Args:
        database: the open database.
        settings: where weights are kept.
        backbone_name: which network.
        name: what to call the model; by default as the backbone.
        weights: its weights file; by default the backbone's own.
        precision: what to compute in; `AUTO` leaves it to the first worker.
        resize: how a photo becomes a square; by default as the backbone has it.

    Raises:
        LookalikeError: an unknown backbone, a taken name, or weights that can't be had or loaded.
    """
    backbone = get_backbone(backbone_name)
    backbone = replace(backbone, resize=resize or backbone.resize)
    name = name or backbone.name
    with database.connection() as connection:
        require_free(connection, name)
    file = weights or default_file(backbone)
    sha256_of(file)  # says in its own words that a file is missing
    build(backbone, file)
    # A trained head changes the length of the vectors; the file says whether there is one.
    backbone = projected(backbone, shape_in(file))
    weights_sha256 = keep(file, settings.home)
    with database.connection() as connection:
        return app.models.register(connection, backbone, name, weights_sha256, precision)


def register_default(database: Database, settings: Settings) -> list[EmbeddingModel]:
    """Register the default model of a database without any; return the models there are then.

    Raises:
        LookalikeError: its weights can't be had or loaded.
    """
    text = f"registering {settings.model}, the first model of this database"
    say("registering", text, err=True, model=settings.model)
    try:
        return [register(database, settings, settings.model)]
    except LookalikeError:
        with database.connection() as connection:
            models = list_models(connection)  # another worker may have been quicker
        if not models:
            raise
        return models
