"""The failures that a person can act on."""


class LookalikeError(Exception):
    """A failure whose text is one line that names the thing and the way out.

    The command line prints it and exits with 1; the HTTP API turns it into problem+json.
    """


class MissingWeightsError(LookalikeError):
    """This machine lacks a model's weights, or has something else in their place."""
