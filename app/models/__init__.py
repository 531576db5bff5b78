"""The embedding models of a database: registering, switching, dropping and indexing them."""

from app.models.activation import activate
from app.models.index import ensure_index
from app.models.model import (
    EmbeddingModel,
    active_model,
    get_model,
    index_name,
    list_models,
    partition_name,
    require_free,
)
from app.models.registration import register
from app.models.removal import drop

__all__ = [
    "EmbeddingModel",
    "activate",
    "active_model",
    "drop",
    "ensure_index",
    "get_model",
    "index_name",
    "list_models",
    "partition_name",
    "register",
    "require_free",
]
