"""The engine that runs the network on a Ray cluster: it starts the driver and reads its reports."""

import logging
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event
from typing import Any

from app.database import Database
from app.errors import LookalikeError
from app.models import EmbeddingModel
from app.photos.references import is_url
from app.settings import Settings
from worker.console import say
from worker.embedding.engines import Drain, driver
from worker.embedding.engines.actors import SLICE_SECONDS, Assignment, Report
from worker.embedding.worker import OnProgress, OnWait

POLL_SECONDS = 0.2

CONNECT_TIMEOUT = 60.0
"""Seconds for a cluster to answer, or to start on this machine."""

REPORT_TIMEOUT = 4 * SLICE_SECONDS
"""Seconds to wait for a report; after that, only reports of dead nodes can be missing."""

IDLE_TIMEOUT = 5.0
"""The same once an actor found no more photos, which the others will soon notice too."""

SHUTDOWN_TIMEOUT = 10.0
"""Seconds for the driver to disconnect from the cluster."""

PACKAGE = Path(__file__).parents[3]
"""The folder that contains `worker` and `app`."""


class RayEngine:
    """Starts a pipeline of Ray Data for each model; see `Engine`.

    Args:
        settings: the photos' root, the weights' folder, batch size; for all nodes.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @contextmanager
    def ready(self, database: Database, model: EmbeddingModel, stop: Event) -> Iterator[Drain]:
        """Start a pipeline, and wait until one of its actors has loaded the network."""
        assignment = Assignment(_for_any_process(self._settings, database), model)
        reports = _reports(assignment, stop)
        try:
            first = next(reports, None)
            if first is not None and first.error is not None:
                raise first.error
            yield partial(_drain, reports)
        finally:
            reports.close()

    def retain(self, models: Sequence[EmbeddingModel]) -> None:
        """Do nothing: the actors, and their networks, end with the pipeline."""


def _for_any_process(settings: Settings, database: Database) -> Settings:
    """Return settings for any process: with the database's URL, and absolute paths."""
    images = settings.images
    if images is not None and not is_url(images):
        images = str(Path(images).absolute())
    found = {"database_url": database.url, "home": settings.home.absolute(), "images": images}
    return settings.model_copy(update=found)


def _drain(reports: Iterator[Report], on_progress: OnProgress, on_wait: OnWait) -> None:
    errors = []
    for report in reports:
        on_progress(report.tally)
        if report.error is not None:
            errors.append(report.error)
        elif report.waiting is not None:
            on_wait(report.waiting)
    if errors:
        raise errors[0]


def _reports(assignment: Assignment, stop: Event) -> Generator[Report]:
    """Yield the reports of slices, from as many pipelines as necessary."""
    while True:
        with _pipeline(assignment) as connection:
            ended = yield from _received(connection, stop)
        if ended:
            return
        say(
            "ray_anew",
            "lookalike: redistributing the work over the cluster; `ray status` shows what is free",
            err=True,
            level=logging.WARNING,
        )


@contextmanager
def _pipeline(assignment: Assignment) -> Iterator["Connection[Any, Any]"]:
    """Run the driver of Ray during the block, in a session without the terminal's signals."""
    ours, its = multiprocessing.Pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", driver.__name__, str(its.fileno())],
        env={**assignment.settings.environment(), "RAY_USAGE_STATS_ENABLED": "0"},
        cwd=PACKAGE,  # where Python and Ray import from first
        pass_fds=[its.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    its.close()  # else the pipe would stay open after the driver's end
    try:
        with suppress(OSError):  # if the driver has ended, `_receive` says so
            ours.send(assignment)
        if not ours.poll(CONNECT_TIMEOUT):
            raise LookalikeError(
                f"no Ray cluster answers within {CONNECT_TIMEOUT:.0f} s: correct RAY_ADDRESS, or "
                "unset it to start one on this machine"
            )
        _receive(ours)
        yield ours
    finally:
        ours.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(SHUTDOWN_TIMEOUT)
        process.kill()
        process.wait()


def _received(connection: "Connection[Any, Any]", stop: Event) -> Generator[Report, None, bool]:
    """Yield the reports of a pipeline, until all actors are idle or none reports any more.

    After a stop or an actor's error, the others finish their batches.

    Returns:
        Whether the work has ended; False if only the slices were used up.
    """
    idle: dict[str, bool] = {}  # by actor
    failed = told = False
    heard, timeout = time.monotonic(), REPORT_TIMEOUT
    while time.monotonic() - heard < timeout:
        if (failed or stop.is_set()) and not told:
            with suppress(OSError):
                connection.send("stop")
            told = True
        if not connection.poll(POLL_SECONDS):
            continue
        report = _receive(connection)
        if report is None:
            break
        if not (report.idle and idle.get(report.actor)):
            heard = time.monotonic()
        idle[report.actor] = report.idle
        timeout = IDLE_TIMEOUT if any(idle.values()) and not told else REPORT_TIMEOUT
        failed = failed or report.error is not None
        yield report
        if all(idle.values()):
            break
    return told or any(idle.values())


def _receive(connection: "Connection[Any, Any]") -> Report | None:
    try:
        message: Report | LookalikeError | None = connection.recv()
    except (EOFError, OSError):
        message = LookalikeError(
            "the driver of Ray ended, as when its node fails: run the command again to go on"
        )
    if isinstance(message, LookalikeError):
        raise message
    return message
