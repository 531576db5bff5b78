"""JSON logs: one object a line on standard error, for log collectors.

Code logs through the standard library; the record attributes `event` and `fields` are ours. With
the text format nothing here applies.
"""

import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter as BaseFormatter

_logger = logging.getLogger("lookalike")


class JsonFormatter(BaseFormatter):
    """One JSON object a record: time, level, event, message, then the record's fields."""

    def __init__(self) -> None:
        super().__init__(json_default=str, json_ensure_ascii=False)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Fill in the record's fields; a record of another library has its logger as the event."""
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(
            timespec="milliseconds"
        )
        log_data["level"] = record.levelname.lower()
        log_data["event"] = getattr(record, "event", record.name)
        log_data["message"] = record.getMessage()
        log_data.update(getattr(record, "fields", {}))
        if "exc_info" in message_dict:
            log_data["exception"] = message_dict["exc_info"]


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
    _logger.setLevel(logging.INFO)  # other libraries log warnings and errors only
    logging.captureWarnings(True)
    # An exception that nobody caught would otherwise be a traceback of many lines.
    sys.excepthook = lambda kind, error, trace: _log_crash((kind, error, trace))
    threading.excepthook = lambda crash: _log_crash(
        (crash.exc_type, crash.exc_value, crash.exc_traceback)
    )


def is_json() -> bool:
    """Return whether this process logs JSON."""
    handlers = logging.getLogger().handlers
    return any(isinstance(handler.formatter, JsonFormatter) for handler in handlers)


def log_event(event: str, message: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log an event.

    Args:
        event: its short name, for machines.
        message: one line for people.
        level: one of `logging`'s.
        fields: further data; values that JSON can't hold become text.
    """
    _logger.log(level, "%s", message, extra={"event": event, "fields": fields})


def _log_crash(crash: Any) -> None:
    _logger.critical("%s", crash[1], exc_info=crash, extra={"event": "crashed"})
