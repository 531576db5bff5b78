"""Registering a model with weights that are known to load."""

from dataclasses import replace
from pathlib import Path

from app.database import Database, EmbeddingModel
from app.encoders.networks import build
from app.encoders.precision import Precision
from app.encoders.projection import projected, shape_in
from app.encoders.registry import get_backbone
from app.encoders.weights import default_file, keep, sha256_of
from app.models import add, require_free
from app.photos.decode import Resize
from app.settings import Settings


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
    with database.session() as session:
        require_free(session, name)
    file = weights or default_file(backbone)
    sha256_of(file)  # says in its own words that a file is missing
    build(backbone, file)
    with database.session() as session:
        session.expire_on_commit = False
        # A trained head changes the length of the vectors; the file says whether there is one.
        entry = projected(backbone, shape_in(file))
        model = add(session, entry, name, keep(file, settings.home), precision)
        session.commit()
        return model
