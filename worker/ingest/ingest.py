"""From a catalog's folder to the table `items`: staged, compared, upserted in one transaction."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from app.database import query
from app.errors import LookalikeError
from app.photos import Remote
from worker.ingest.account import Account
from worker.ingest.staging import staged_rows
from worker.ingest.styles import Reject, StylesFile

LOCK = "SELECT pg_advisory_xact_lock(hashtext('lookalike ingest'))"
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('lookalike ingest'))"
CHANNEL = "lookalike_items"
"""NOTIFY channel on which an ingest says that it has been committed."""

STAGED_TYPES = (
    *("int8", *["text"] * 6, "int4", *["text"] * 2),
    *("text", "numeric", "numeric", "text"),
    *("text", "text", "int4", "int4"),
)
"""How the values of a staged row travel: those of the row, of its metadata, of its photo. Named, so
that psycopg need not look at each value; the server reads JSON from text."""


def ingest(
    connection: psycopg.Connection[Any],
    root: Path,
    *,
    remote: Remote | None = None,
    allow_removals: bool = False,
    on_reject: Callable[[Reject], None] = lambda _: None,
    on_progress: Callable[[int], object] = lambda _: None,
    on_wait: Callable[[], None] = lambda: None,
) -> Account:
    """Make the table `items` what a catalog's folder says. The caller commits.

    Args:
        connection: outside a transaction, or at its begin.
        root: the folder with `styles.csv`, `images/` and `styles/`.
        remote: where the photos are, if not in the folder.
        allow_removals: go on even if over half of the products or photos would go.
        on_reject: told of each line that is no product.
        on_progress: told how many lines each step has read.
        on_wait: told once if another ingest has to end first.

    Returns:
        The account of what was read and what it changed.

    Raises:
        LookalikeError: the catalog is unusable, would remove too much, or the remote photos can't
            be reached; nothing is changed.
    """
    styles = StylesFile(root / "styles.csv")
    locked = connection.execute(TRY_LOCK).fetchone()
    if locked == (False,):
        on_wait()
        connection.execute(LOCK)
    account = Account()
    connection.execute(query(__package__, "stage"))
    with connection.cursor().copy(query(__package__, "copy_staged")) as copy:
        copy.set_types(STAGED_TYPES)
        for values in staged_rows(root, styles, account, on_reject, on_progress, remote):
            copy.write_row(values)
    _refuse_emptiness(styles, account)
    _compare(connection, styles, account, allow_removals=allow_removals)
    _apply(connection, account)
    connection.execute(query(__package__, "remember_root"), {"root": str(root.resolve())})
    connection.execute(f"NOTIFY {CHANNEL}")
    return account


def _compare(
    connection: psycopg.Connection[Any],
    styles: StylesFile,
    account: Account,
    *,
    allow_removals: bool,
) -> None:
    """Find the differences, enter them in the account, and refuse them if they are losses."""
    connection.execute(query(__package__, "compare"))
    row = connection.execute(query(__package__, "count_differences")).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives a row
    items, photos, photos_lost, account.added, account.changed, account.removed = row
    account.unchanged = account.stored - account.added - account.changed
    if allow_removals:
        return
    for kind, before, lost in (
        ("products", items, account.removed),
        ("photos", photos, photos_lost),
    ):
        if lost * 2 > before:
            raise LookalikeError(
                f"{styles.path} lacks {lost:,} of the {before:,} {kind} stored so far, over half: "
                "is the catalog complete? If it is, say --allow-removals"
            )


def _apply(connection: psycopg.Connection[Any], account: Account) -> None:
    """Write the differences to the items."""
    steps = {"add": account.added, "change": account.changed, "remove": account.removed}
    due = [name for name, count in steps.items() if count]
    if not due:
        return
    # Fresh tables have no statistics, and a planner that knows nothing may join them row by row.
    connection.execute("ANALYZE staged_items (item_id), differences")
    for name in due:
        connection.execute(query(__package__, name))
    connection.execute("ANALYZE items")


def _refuse_emptiness(styles: StylesFile, account: Account) -> None:
    if account.stored:
        return
    if account.rejected:
        raise LookalikeError(
            f"{styles.path}: all {account.rejected:,} lines were rejected; --rejects FILE says why"
        )
    raise LookalikeError(f"{styles.path} holds a header and no product")
