"""From a catalog's folder to the table `items`: staged, compared, upserted in one transaction."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from app.database import query
from app.errors import LookalikeError
from app.photo_roots import Remote
from worker.catalog.account import Account
from worker.catalog.staging import staged_rows
from worker.catalog.styles import Reject, StylesFile

LOCK = "SELECT pg_advisory_xact_lock(hashtext('lookalike ingest'))"
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('lookalike ingest'))"
CHANNEL = "lookalike_items"
"""NOTIFY channel on which an ingest says that it has been committed."""


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
        for values in staged_rows(root, styles, account, on_reject, on_progress, remote):
            copy.write_row(values)
    _refuse_emptiness(styles, account)
    connection.execute("ANALYZE staged_items")
    if not allow_removals:
        _refuse_losses(connection, styles)
    counts = connection.execute(query(__package__, "upsert")).fetchone()
    assert counts is not None  # noqa: S101 - an aggregate gives a row
    account.added, account.changed, account.removed = counts
    account.unchanged = account.stored - account.added - account.changed
    connection.execute(query(__package__, "remember_root"), {"root": str(root.resolve())})
    connection.execute("ANALYZE items")
    connection.execute(f"NOTIFY {CHANNEL}")
    return account


def _refuse_emptiness(styles: StylesFile, account: Account) -> None:
    if account.stored:
        return
    if account.rejected:
        raise LookalikeError(
            f"{styles.path}: all {account.rejected:,} lines were rejected; --rejects FILE says why"
        )
    raise LookalikeError(f"{styles.path} holds a header and no product")


def _refuse_losses(connection: psycopg.Connection[Any], styles: StylesFile) -> None:
    row = connection.execute(query(__package__, "losses")).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives a row
    items, items_lost, photos, photos_lost = row
    for kind, before, lost in (("products", items, items_lost), ("photos", photos, photos_lost)):
        if lost * 2 > before:
            raise LookalikeError(
                f"{styles.path} lacks {lost:,} of the {before:,} {kind} stored so far, over half: "
                "is the catalog complete? If it is, say --allow-removals"
            )
