"""The worker's numbers for Prometheus, asked for over HTTP as Prometheus does."""

import signal
import socket
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Cli, Start, free_port, wait_for
from tests.support.vectors import writes_held
from tests.support.waiting import end, execute, wait_until
from worker.embedding.metrics import STAGES, show_backlog
from worker.embedding.worker import BATCH_WORKERS

Samples = dict[tuple[str, ...], float]
"""Values by name and labels' values."""


def samples(text: str) -> Samples:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(base: str) -> Samples:
    with urllib.request.urlopen(f"{base}/metrics", timeout=30) as response:  # noqa: S310
        return samples(response.read().decode())


@pytest.mark.slow
def test_a_worker_tells_what_it_does(unembedded_url: str, catalog: Path, start: Start) -> None:
    url = unembedded_url
    photos = sorted((catalog / "images").iterdir())
    photos[0].write_text("changed since the last ingest")
    batches = -(-len(photos) // 32)
    port = free_port()
    arguments = ("embed", "--follow", "--metrics-port", str(port))
    with writes_held(url) as waiting:
        worker = start(url, *arguments, LOOKALIKE_IMAGES=str(catalog), LOOKALIKE_BATCH_SIZE="32")
        wait_until(lambda: waiting() == BATCH_WORKERS)
        base = wait_for(f"http://127.0.0.1:{port}", "/metrics")
        found = scrape(base)
        assert found["lookalike_backlog_photos", "compact"] == len(photos)
        assert found["lookalike_photos_total", "compact", "embedded"] == 0
        assert found["lookalike_stage_seconds_count", "encode"] == BATCH_WORKERS
        assert found["lookalike_stage_seconds_count", "write"] == 0  # it is still at it
    wait_until(lambda: not execute(url, "SELECT true FROM embedding_jobs WHERE state = 'pending'"))
    wait_until(lambda: scrape(base)["lookalike_photos_total", "compact", "failed"] == 1)
    wait_until(
        lambda: scrape(base)["lookalike_photos_total", "compact", "embedded"] == len(photos) - 1
    )
    found = scrape(base)
    assert found["lookalike_backlog_photos", "compact"] == 0
    assert found["lookalike_failed_photos", "compact"] == 1
    counts = {stage: found["lookalike_stage_seconds_count", stage] for stage in STAGES}
    assert counts.pop("claim") >= batches
    assert counts == {
        "read": len(photos), "decode": len(photos) - 1, "encode": batches, "write": batches,
    }  # fmt: skip
    assert all(found["lookalike_stage_seconds_sum", stage] > 0 for stage in STAGES)
    assert end(worker, signal.SIGTERM)[0] == 0


def test_a_taken_port_is_one_line(catalog_url: str, cli: Cli) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = cli(catalog_url, "embed", LOOKALIKE_METRICS_PORT=str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"lookalike: can't serve metrics on 127.0.0.1, port {port} (Address already in use): name "
        "another --metrics-port, or LOOKALIKE_METRICS_HOST\n"
    )


def test_without_a_database_the_rest_is_told(tmp_path: Path) -> None:
    with show_backlog(f"postgresql://nobody@/nowhere?host={tmp_path}"):
        found = samples(generate_latest(REGISTRY).decode())
    assert not [name for name, *_ in found if name.startswith("lookalike_backlog")]
    assert ("lookalike_stage_seconds_count", "encode") in found
