"""Waiting for what a command, or a database, comes to."""

import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg

from tests.support.commands import Command

DEADLINE = 120.0
"""Seconds after which what ought to happen has not happened."""

Rows = list[tuple[Any, ...]]


def execute(url: str, statement: str, *parameters: Any) -> Rows:
    """Run a statement in a transaction of its own; return its rows, if it gives any."""
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def wait_until(condition: Callable[[], object], seconds: float = DEADLINE) -> None:
    """Wait until something holds; fail if it never does."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to pass"
        time.sleep(0.02)


def read_until(command: Command, words: str) -> None:
    """Read a command's error output up to the line with these words."""
    assert any(words in line for line in command.stderr), f"it never said {words!r}"


def end(command: Command, number: signal.Signals) -> tuple[int, str, str]:
    """Send a signal and wait; return exit code, output and error output."""
    command.send_signal(number)
    output, errors = command.communicate(timeout=DEADLINE)
    return command.wait(), output, errors
