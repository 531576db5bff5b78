"""JSON as it is found: parsed as far as it can be."""

import json
import re
from typing import Any

DECODER = json.JSONDecoder()
BLANK = re.compile(r"[ \t\r\n]*")
TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class Broken:
    """What stands for a value that can't be parsed."""

    def __str__(self) -> str:
        return "what is nested too deeply or too long"


BROKEN = Broken()


def parse_object(text: str) -> dict[str, Any]:
    """Parse an object; a field that is nested too deeply, or too long a number, is `BROKEN`.

    Raises:
        ValueError: it is no JSON, or no object; the text says so.
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"it is not valid JSON: {error.msg} at character {error.pos + 1}"
        ) from None
    except (RecursionError, ValueError):
        found = _parse_fields(text)
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def to_json(fields: dict[str, Any]) -> str:
    """Return fields as JSON that Postgres stores as `jsonb`.

    Raises:
        ValueError: a value is nothing that can be stored there: NaN, a NUL, half a character.
        TypeError: the like.
        RecursionError: they are nested too deeply.
    """
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    text.encode()
    if "\\u0000" in text and ESCAPED_NUL.search(text):
        raise ValueError("a text holds a NUL character")
    return text


def _parse_fields(text: str) -> Any:
    """Parse an object field by field."""
    at = _skip(text, 0)
    if not text.startswith("{", at):
        return None
    at = _skip(text, at + 1)
    fields: dict[str, Any] = {}
    while not text.startswith("}", at):
        try:
            name, at = DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)  # the colon
        except json.JSONDecodeError as error:
            raise ValueError(
                f"it is not valid JSON: {error.msg} at character {error.pos + 1}"
            ) from None
        end = _end_of_value(text, at)
        try:
            fields[str(name)] = json.loads(text[at:end])
        except (ValueError, RecursionError):
            fields[str(name)] = BROKEN
        at = _skip(text, end)
        if text.startswith(",", at):
            at = _skip(text, at + 1)
        elif not text.startswith("}", at):
            raise ValueError(f"it is not valid JSON: Expecting ',' delimiter at character {at + 1}")
    return fields


def _end_of_value(text: str, start: int) -> int:
    depth = 0
    for token in TOKEN.finditer(text, start):
        mark = token[0]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            if depth == 0:
                return token.start()
            depth -= 1
        elif mark == "," and depth == 0:
            return token.start()
    return len(text)


def _skip(text: str, at: int) -> int:
    blank = BLANK.match(text, at)
    return at if blank is None else blank.end()
