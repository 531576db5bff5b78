"""Photos whose very file has a vector already, as another photo's: it is copied, not computed."""

from typing import Any

import psycopg

from app.database import query
from worker.embedding.queue import set_timeouts


def reuse_vectors(connection: psycopg.Connection[Any], model_id: int) -> int:
    """Give each queued photo the vector of a photo that was the very same file.

    Args:
        connection: in a transaction. The caller commits.
        model_id: the model.

    Returns:
        How many photos got one, and have no job any more.
    """
    set_timeouts(connection)
    return connection.execute(query(__package__, "copy_vectors"), {"model_id": model_id}).rowcount
