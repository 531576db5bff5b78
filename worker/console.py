"""Output shared by the commands: JSON, tables, messages, progress bars and signals."""

import io
import json
import logging
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import click
from tabulate import tabulate
from tqdm import tqdm

from app import logs


def echo_json(document: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def echo_table(rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
    """Print rows in aligned columns.

    Args:
        rows: what to print.
        columns: keys of a row, in order, with their headings.
    """
    cells = [[_cell(row.get(key)) for key in columns] for row in rows]
    # A sku of digits is text: tabulate would round it or align it as a number.
    table = tabulate(
        cells, list(columns.values()), tablefmt="plain", disable_numparse=True, stralign="left"
    )
    for line in table.splitlines():
        click.echo(line.rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int):
        return str(value)
    # A name from a catalog may hold anything; a table's cell is printable and short.
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    return text if len(text) <= 60 else f"{text[:59]}…"


def say(
    event: str, text: str, *, err: bool = False, level: int = logging.INFO, **fields: Any
) -> None:
    """Print a message, or log an event if the log is JSON; never both.

    Args:
        event: the event's short name.
        text: the message.
        err: print the message to standard error, where the log goes in any case.
        level: the event's level, one of `logging`'s.
        fields: the event's fields, the message's numbers and names.
    """
    if logs.is_json():
        logs.log_event(event, text.removeprefix("lookalike: "), level, **fields)
    else:
        click.echo(text, err=err)


class _LoggedBar(tqdm):  # type: ignore[type-arg]
    """A progress bar that logs events: at the start, at the end and at intervals in between."""

    INTERVAL = 10.0
    """Seconds between events."""

    _logged_at: float | None = None

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Log the progress, unless the last event was less than `INTERVAL` ago."""
        now = time.monotonic()
        final = self.disable  # set by `close` before its last call
        if self._logged_at is not None and not final and now - self._logged_at < self.INTERVAL:
            return
        self._logged_at = now
        known = self.format_dict
        rate = (self.n - self.initial) / known["elapsed"] if known["elapsed"] else 0.0
        left = (self.total - self.n) / rate if rate and self.total else None
        logs.log_event(
            "progress",
            f"{self.desc}: {self.n:,} of {self.total or 0:,}{self.unit}",
            done=self.n,
            total=self.total,
            per_second=round(rate, 1),
            seconds_left=None if left is None else round(left, 1),
        )


def progress_bar(
    total: int | None, description: str, unit: str, *, initial: int = 0, hidden: bool = False
) -> "tqdm[Any]":
    """Return a progress bar on standard error, or one that logs events if the log is JSON.

    Args:
        total: the number of units to process, None if unknown.
        description: what is being done.
        unit: name of the units, in the plural.
        initial: how many units were processed before.
        hidden: draw and log nothing.
    """
    bar: dict[str, Any] = {
        "total": total,
        "desc": description,
        "unit": f" {unit}",
        "initial": initial,
        "disable": hidden,
    }
    if logs.is_json():
        return _LoggedBar(**bar, file=io.StringIO())
    return tqdm(
        **bar,
        file=sys.stderr,
        mininterval=0.2 if sys.stderr.isatty() else 5.0,
        dynamic_ncols=True,
    )


@contextmanager
def stop_on_signal() -> Iterator[Event]:
    """Set an event at the first Ctrl-C or SIGTERM; raise KeyboardInterrupt at the second."""
    stop = Event()

    def ask(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        say("stopping", "stopping after this batch; once more to stop at once", err=True)

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
