"""Photos that have a vector already, under another product's id: it is copied, not computed."""

from typing import Any

import psycopg

from app.database import query
from worker.embedding.queue import finish


def adopt_known(connection: psycopg.Connection[Any], model_id: int) -> int:
    """Give each queued product the vector of the product whose photo was the very same file.

    Args:
        connection: in a transaction. The caller commits.
        model_id: the model.

    Returns:
        How many products got one, and have no job any more.
    """
    held = connection.execute(query(__package__, "lock_known"), {"model_id": model_id}).fetchall()
    if not held:
        return 0
    # Bound by the client: a statement that defines a table takes no parameters from the server.
    with psycopg.ClientCursor(connection) as cursor:
        collect = query(__package__, "collect_known")
        cursor.execute(collect, {"model_id": model_id, "item_ids": [row[0] for row in held]})
    # Another worker may have replaced a vector since it was seen.
    rows = connection.execute("SELECT item_id FROM known_vectors").fetchall()
    item_ids = [item_id for (item_id,) in rows]
    for name in ("replace", "write_known"):
        connection.execute(query(__package__, name), {"model_id": model_id, "item_ids": item_ids})
    finish(connection, model_id, item_ids)
    return len(item_ids)
