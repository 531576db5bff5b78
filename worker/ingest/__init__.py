"""Ingesting products from a source into the tables `items` and `photos`."""

from worker.ingest.ingest import ingest
from worker.ingest.profiles import choose_profile
from worker.ingest.report import IngestReport, Problem

__all__ = ["IngestReport", "Problem", "choose_profile", "ingest"]
