"""Why a search has no answer; each its own class, since HTTP gives each its own status."""

from app.errors import LookalikeError


class UnknownItemError(LookalikeError):
    """No product has that id, or the one that had it was removed."""


class NotEmbeddedError(LookalikeError):
    """The product has no vector of the active model: no photo, or still to embed, or failed."""


class NoModelError(LookalikeError):
    """No model is active yet."""
