"""The embedding models of a database: registering, switching and dropping them."""

from app.models.activation import activate
from app.models.registration import add
from app.models.removal import drop, is_whole
from app.models.rows import active_model, get_model, list_models, require_free

__all__ = [
    "activate",
    "active_model",
    "add",
    "drop",
    "get_model",
    "is_whole",
    "list_models",
    "require_free",
]
