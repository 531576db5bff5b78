"""What the commands share of talking to a person or to a script."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import click
from tqdm import tqdm


def echo_json(document: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def echo_table(rows: list[dict[str, Any]], columns: dict[str, str]) -> None:
    """Print rows in aligned columns.

    Args:
        rows: what to print.
        columns: keys of a row, in order, with their headings.
    """
    cells = [list(columns.values()), *([_cell(row.get(key)) for key in columns] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
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


def progress_bar(total: int | None, description: str, unit: str) -> "tqdm[Any]":
    """Return a progress bar on standard error, with rate and time left."""
    return tqdm(
        total=total,
        desc=description,
        unit=f" {unit}",
        file=sys.stderr,
        mininterval=0.2 if sys.stderr.isatty() else 5.0,
        dynamic_ncols=True,
    )


@contextmanager
def stop_on_signal() -> Iterator[Event]:
    """Turn the first Ctrl-C or SIGTERM into an event; a second one ends the process at once."""
    stop = Event()

    def ask(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo("stopping after this batch; once more to stop at once", err=True)

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
