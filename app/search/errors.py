"""Errors of searches; each has its own HTTP status."""

from app.errors import LookalikeError
from app.items.keys import ItemKey
from app.models import NONE_ACTIVE


class UnknownItemError(LookalikeError):
    """No product has that id, or it was removed."""

    @classmethod
    def named(cls, key: ItemKey) -> "UnknownItemError":
        """Return the error for a key that no product ever had."""
        return cls(f"no product has the id {key}")


class NotEmbeddedError(LookalikeError):
    """The product has no vector of the active model: it has no photo, is pending or failed."""


class NoModelError(LookalikeError):
    """No model is active yet."""

    def __init__(self) -> None:
        super().__init__(NONE_ACTIVE)


class QueryError(LookalikeError):
    """A parameter of the request can't be used."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter
        """The parameter's name."""
        self.reason = reason
        """What is wrong with it."""


class NotAnImageError(QueryError):
    """An uploaded file is no image."""
