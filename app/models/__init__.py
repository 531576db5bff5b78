"""The embedding models of a database: registering, switching, dropping and indexing them."""

from app.models.activation import activate
from app.models.index import ensure_index
from app.models.model import (
    NONE_ACTIVE,
    EmbeddingModel,
    active_model,
    get_model,
    get_model_or_active,
    index_name,
    list_models,
    partition_name,
    require_free,
)
from app.models.registration import register
from app.models.removal import drop

__all__ = [
    "NONE_ACTIVE",
    "EmbeddingModel",
    "activate",
    "active_model",
    "drop",
    "ensure_index",
    "get_model",
    "get_model_or_active",
    "index_name",
    "list_models",
    "partition_name",
    "register",
    "require_free",
]
