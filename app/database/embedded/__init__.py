"""The Postgres server that lookalike brings along: one for each home, shared by its processes."""

from app.database.embedded.files import binary
from app.database.embedded.server import start, stop

__all__ = ["binary", "start", "stop"]
