"""Why a search has no answer; each its own class, since HTTP gives each its own status."""

from app.errors import LookalikeError


class UnknownItemError(LookalikeError):
    """No product has that id, or the one that had it was removed."""


class NotEmbeddedError(LookalikeError):
    """The product has no vector of the active model: no photo, or still to embed, or failed."""


class NoModelError(LookalikeError):
    """No model is active yet."""

    def __init__(self) -> None:
        super().__init__("no embedding model is active yet: run `lookalike embed`")


class QuestionError(LookalikeError):
    """A part of the question can't be answered to."""

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}")
        self.parameter = parameter
        """The name of that part."""


class NotAnImageError(QuestionError):
    """An uploaded file is no image."""
