"""`lookalike items`: delete stored products."""

from datetime import datetime

import click

from app.database.connection import without_timeouts
from app.database.locks import Lock, wait_for_lock
from app.database.ready import ready_database
from app.errors import LookalikeError, counted
from app.settings import get_settings
from worker.ingest.deletion import delete_items, plan_deletion


@click.group(name="items")
def command() -> None:
    """Delete products from the database."""


@command.command()
@click.argument("skus", nargs=-1, metavar="[SKU]...")
@click.option(
    "--purge-removed-before",
    "removed_before",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Also every product that left the catalog before this day, such as 2026-01-31.",
)
@click.option("--yes", is_flag=True, help="Don't ask.")
def delete(skus: tuple[str, ...], removed_before: datetime | None, yes: bool) -> None:
    """Delete products permanently, with their photos' vectors and jobs.

    A product that the source still has comes back with the next ingest. Products that left the
    catalog needn't be deleted: no search finds them, and they are kept in case they return.
    """
    if not skus and removed_before is None:
        raise click.UsageError("name a SKU, or --purge-removed-before DATE")
    with ready_database(get_settings()) as database, database.connection() as connection:
        wait_for_lock(connection, Lock.INGEST)
        without_timeouts(connection)
        day = None if removed_before is None else removed_before.date()
        deletion = plan_deletion(connection, skus, day)
        what = (
            f"{counted(len(deletion.item_ids), 'product')} with "
            f"{counted(deletion.photos, 'photo')} and {counted(deletion.embeddings, 'vector')}"
        )
        if deletion.item_ids:
            if not yes and not click.confirm(f"This deletes {what} permanently. Go on?", err=True):
                raise LookalikeError("nothing was deleted")
            delete_items(connection, deletion.item_ids)
    click.echo(f"deleted {what}")
