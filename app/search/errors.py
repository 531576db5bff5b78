"""Why a search has no answer; each its own class, since HTTP gives each its own status."""

from app.errors import LookalikeError
from app.items.keys import ItemKey


class UnknownItemError(LookalikeError):
    """No product has that id, or the one that had it was removed."""

    @classmethod
    def named(cls, key: ItemKey) -> "UnknownItemError":
        """Return the error about a product that nobody ever saw."""
        return cls(f"no product has the id {key}")


class NotEmbeddedError(LookalikeError):
    """The product has no vector of the active model: no photo, or still to embed, or failed."""


class NoModelError(LookalikeError):
    """No model is active yet."""

    def __init__(self) -> None:
        super().__init__("no embedding model is active yet: run `lookalike embed`")


class QueryError(LookalikeError):
    """A part of the request can't be answered."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter
        """The name of that part."""


class NotAnImageError(QueryError):
    """An uploaded file is no image."""
