"""Reading a catalog in the layout of Fashion Product Images into the table `items`."""

from worker.ingest.account import Account
from worker.ingest.ingest import ingest
from worker.ingest.styles import Reject, StylesFile

__all__ = ["Account", "Reject", "StylesFile", "ingest"]
