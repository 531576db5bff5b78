"""The worker's Prometheus metrics: photos done, seconds per stage, and the backlog."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

import psycopg
from prometheus_client import REGISTRY, Counter, Histogram, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.database import query
from app.database.connection import connect
from app.errors import LookalikeError

OUTCOMES = ("embedded", "failed")
STAGES = ("claim", "read", "decode", "encode", "write")

_photos = Counter(
    "lookalike_photos",  # the library adds _total
    "Photos that this worker is done with, committed to the database",
    ["model", "outcome"],
)
_seconds = Histogram(
    "lookalike_stage_seconds",
    "Seconds that a stage took: read and decode for one photo, the others for a batch",
    ["stage"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
for _stage in STAGES:
    _seconds.labels(_stage)  # exports 0 before the stage first runs


def timed(stage: str) -> AbstractContextManager[object]:
    """Measure how long a block takes, on any thread, whether or not it fails.

    Args:
        stage: one of `STAGES`.
    """
    return _seconds.labels(stage).time()


def count_photos(model: str, *, embedded: int = 0, failed: int = 0) -> None:
    """Count a model's finished photos; call it once with none to export zeros."""
    for outcome, number in zip(OUTCOMES, (embedded, failed), strict=True):
        _photos.labels(model, outcome).inc(number)


@contextmanager
def serve_metrics(host: str, port: int | None) -> Iterator[None]:
    """Serve metrics to Prometheus during the block; do nothing without a port.

    Raises:
        LookalikeError: the address can't be listened on.
    """
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, host)
    except OSError as error:
        raise LookalikeError(
            f"can't serve metrics on {host}, port {port} ({error.strerror}): name another "
            "--metrics-port, or LOOKALIKE_METRICS_HOST"
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def show_backlog(url: str) -> Iterator[None]:
    """Export a database's backlog during the block.

    Args:
        url: the database's URI.
    """
    backlog = _Backlog(url)
    REGISTRY.register(backlog)
    try:
        yield
    finally:
        REGISTRY.unregister(backlog)


class _Backlog(Collector):
    """The backlog, counted for each scrape, since other workers change it too."""

    def __init__(self, url: str) -> None:
        self._url = url

    def describe(self) -> Sequence[Metric]:
        return self._gauges()

    def collect(self) -> Sequence[Metric]:
        pending, failed = gauges = self._gauges()
        # Without the database, the other metrics are still exported.
        with suppress(psycopg.Error):
            for model, *counts in self._rows():
                pending.add_metric([model], counts[0])
                failed.add_metric([model], counts[1])
        return gauges

    def _rows(self) -> list[tuple[str, int, int]]:
        # A separate connection, since all those in the pool may be busy.
        with connect(self._url, autocommit=True) as connection:
            return connection.execute(query(__package__, "list_backlogs")).fetchall()

    @staticmethod
    def _gauges() -> list[GaugeMetricFamily]:
        return [
            GaugeMetricFamily(name, text, labels=["model"])
            for name, text in (
                ("lookalike_backlog_photos", "Photos queued for a model, by whichever worker"),
                ("lookalike_failed_photos", "Photos that a model has failed on; see jobs list"),
            )
        ]
