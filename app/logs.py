"""The log as one JSON object a line on standard error, for machines that collect logs.

Whoever logs uses the standard library; `event` and `fields` of a record are ours. People who read
along get plain text instead, without any of this.
"""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Any

_logger = logging.getLogger("lookalike")


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, event, message, then the record's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, in one line; what isn't ours has its logger for an event."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", record.name),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(log_format: str) -> None:
    """Set up the logs of this process; `text` leaves them as they are.

    Args:
        log_format: `text` or `json`.
    """
    if log_format != "json":
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    _logger.setLevel(logging.INFO)  # of libraries only what is wrong
    logging.captureWarnings(True)
    # What nobody caught would otherwise be a traceback of many lines.
    sys.excepthook = lambda kind, error, trace: _crashed((kind, error, trace))
    threading.excepthook = lambda told: _crashed(
        (told.exc_type, told.exc_value, told.exc_traceback)
    )


def is_json() -> bool:
    """Say whether this process logs JSON."""
    return any(isinstance(known.formatter, JsonFormatter) for known in logging.getLogger().handlers)


def log_event(event: str, message: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log that something happened.

    Args:
        event: its short name, by which a machine knows it.
        message: the same for people, in one line.
        level: one of `logging`'s.
        fields: what else a machine should know; JSON can hold it, or its text.
    """
    _logger.log(level, "%s", message, extra={"event": event, "fields": fields})


def _crashed(what: Any) -> None:
    _logger.critical("%s", what[1], exc_info=what, extra={"event": "crashed"})
