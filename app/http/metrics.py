"""`/metrics` for Prometheus: requests, the pool, searches, SQL, and the queue of photos to embed.

Each process of `serve` writes its numbers to files in a folder; the one that is asked adds them up.
"""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import psycopg_pool
from flask import Blueprint, Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.database import Database, query
from app.http.context import connection
from app.http.tracing import sql_seconds
from app.settings import metrics_folder

blueprint = Blueprint("metrics", __name__)

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

POOL_EVERY = 1.0
"""Seconds between two looks at the pool."""

_requests = Histogram(
    "lookalike_http_request_seconds",
    "Seconds that a request took in the application, by route and status",
    ["method", "route", "status"],
    buckets=BUCKETS,
)
_sql = Histogram(
    "lookalike_http_sql_seconds",
    "Seconds of a request in which it waited for SQL statements, by route",
    ["route"],
    buckets=BUCKETS,
)
_searches = Counter("lookalike_searches", "Searches, by how they were done", ["mode"])
_pool = Gauge(
    "lookalike_pool",
    "Database connections of all processes: size, those that are free, requests that wait for one",
    ["what"],
    multiprocess_mode="livesum",
)


def register_metrics(app: Flask, database: Database) -> None:
    """Measure the requests of the app."""
    app.register_blueprint(blueprint)
    looked_at = 0.0

    def measure(response: Response) -> Response:
        nonlocal looked_at
        now = time.perf_counter()
        route = "none" if request.url_rule is None else request.url_rule.rule
        method = request.method if request.url_rule else "any"
        _requests.labels(method, route, response.status_code).observe(now - g.get("begun", now))
        if "sql_seconds" in g:
            _sql.labels(route).observe(sql_seconds())
        if now - looked_at > POOL_EVERY:
            looked_at = now
            stats = database.pool.get_stats()
            for what in ("pool_size", "pool_available", "requests_waiting"):
                _pool.labels(what.removeprefix("pool_")).set(stats.get(what, 0))
        return response

    app.after_request(measure)


def count_search(mode: str) -> None:
    """Count a search that was `exact` or `approximate`."""
    _searches.labels(mode).inc()


@blueprint.get("/metrics")
def metrics() -> Response:
    """Return all numbers in the format of Prometheus."""
    registry: Any = REGISTRY
    if metrics_folder() is not None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    queue = CollectorRegistry()
    queue.register(_Queue())
    return Response(
        generate_latest(registry) + generate_latest(queue), content_type=CONTENT_TYPE_LATEST
    )


class _Queue(Collector):
    """The photos to embed, counted for each scrape. The other numbers come without the database."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("lookalike_database_up", "Whether the database answers")
        jobs = GaugeMetricFamily(
            "lookalike_jobs", "Photos to embed, by model and state", labels=["model", "state"]
        )
        oldest = GaugeMetricFamily(
            "lookalike_oldest_job_seconds",
            "Seconds that the pending photo has waited that has been due the longest",
            labels=["model"],
        )
        failures = GaugeMetricFamily(
            "lookalike_failures", "Failed photos, by model and reason", labels=["model", "reason"]
        )
        try:
            with connection() as borrowed:
                for model, pending, failed, age in borrowed.execute(
                    query(__package__, "count_jobs")
                ):
                    jobs.add_metric([model, "pending"], pending)
                    jobs.add_metric([model, "failed"], failed)
                    oldest.add_metric([model], age)
                for model, reason, count in borrowed.execute(query(__package__, "count_failures")):
                    failures.add_metric([model, reason], count)
            up.add_metric([], 1)
        except (psycopg.Error, psycopg_pool.PoolTimeout):
            up.add_metric([], 0)
        yield from (up, jobs, oldest, failures)
