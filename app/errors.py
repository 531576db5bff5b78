"""Errors that a person can act on."""


class LookalikeError(Exception):
    """A failure whose text is one line that names the problem and its solution.

    The command line prints it and exits with 1; the HTTP API turns it into problem+json.
    """


class MissingWeightsError(LookalikeError):
    """This machine lacks a model's weights file, or has a different one in its place."""


def in_one_line(error: object, limit: int = 200) -> str:
    """Return another library's error or text as part of a line, without unprintable characters.

    Args:
        error: the error, or its text.
        limit: length in characters at which it is cut off.

    Returns:
        The text; the name of the error's class if it has none.
    """
    text = " ".join(str(error).split())
    if not text and isinstance(error, BaseException):
        text = type(error).__name__
    return "".join(filter(str.isprintable, text))[:limit]


def counted(number: int, noun: str) -> str:
    """Return a number with a noun: 1 photo, 1,000 photos."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
