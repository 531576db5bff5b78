"""Draining a model's queue, batch by batch, until it is empty or somebody says stop."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from app.database import Database, EmbeddingModel
from app.encoders.encoder import Encoder
from app.encoders.registry import get_backbone
from app.encoders.weights import find
from worker.embedding.batch import Tally, embed_batch
from worker.embedding.queue import claim


def load_encoder(model: EmbeddingModel, home: Path) -> Encoder:
    """Load a registered model's network.

    Raises:
        LookalikeError: this machine lacks its weights, or this version its backbone.
    """
    backbone = get_backbone(model.backbone)
    return Encoder(backbone, find(model.weights_sha256, backbone, home))


def drain(
    database: Database,
    model_id: int,
    encoder: Encoder,
    root: Path,
    batch_size: int,
    stop: Event,
    on_progress: Callable[[Tally], None],
) -> None:
    """Embed what is queued for a model.

    Args:
        database: the open database.
        model_id: the model.
        encoder: its network.
        root: folder that the photos' paths are below.
        batch_size: photos per batch.
        stop: set it, and the batch under way is the last.
        on_progress: told what became of each batch, once it is committed.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while not stop.is_set():
            with database.connection() as connection:
                jobs = claim(connection, model_id, batch_size)
                if not jobs:
                    return
                tally = embed_batch(connection, model_id, jobs, encoder, root, pool)
            on_progress(tally)
