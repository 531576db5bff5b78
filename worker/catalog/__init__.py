"""Reading a catalog in the layout of Fashion Product Images into the table `items`."""

from worker.catalog.account import Account
from worker.catalog.ingest import ingest
from worker.catalog.styles import Reject, StylesFile

__all__ = ["Account", "Reject", "StylesFile", "ingest"]
