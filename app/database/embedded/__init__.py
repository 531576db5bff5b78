"""The embedded Postgres server: one for each home, shared by its processes."""

from app.database.embedded.files import binary
from app.database.embedded.server import start, stop

__all__ = ["binary", "start", "stop"]
