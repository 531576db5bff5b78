"""A worker that is stopped, killed, or killed by a photo: nothing is lost, nothing done twice."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support.dying_worker import DIED
from tests.support.vectors import vectors, writes_held
from tests.support.waiting import DEADLINE, end, execute, read_until, wait_until
from worker.embedding.queue import MAX_ATTEMPTS
from worker.embedding.worker import BATCH_WORKERS

COUNT = "SELECT count(*) FROM embeddings"
ATTEMPTS = "SELECT attempts, count(*) FROM embedding_jobs GROUP BY attempts ORDER BY attempts"


@pytest.mark.slow
def test_one_signal_ends_the_batch_and_two_end_at_once(
    unembedded_url: str, photo_count: int, start: Start
) -> None:
    url = unembedded_url
    with writes_held(url) as waiting:
        patient, hasty = (start(url, "embed", LOOKALIKE_BATCH_SIZE="8") for _ in range(2))
        wait_until(lambda: waiting() == 2 * BATCH_WORKERS)
        patient.send_signal(signal.SIGTERM)
        hasty.send_signal(signal.SIGINT)
        read_until(hasty, "once more to stop at once")
        code, output, errors = end(hasty, signal.SIGINT)
        assert (code, output) == (1, "")
        assert errors.endswith("lookalike: interrupted; run the command again to go on\n")
    output, errors = patient.communicate(timeout=DEADLINE)
    assert patient.returncode == 1
    assert f"compact: {BATCH_WORKERS * 8} embedded, 0 failed" in output
    assert errors.endswith(
        "lookalike: stopped before the end: run `lookalike embed` again to go on\n"
    )
    assert "waiting for other workers" not in errors
    assert execute(url, COUNT) == [(BATCH_WORKERS * 8,)]
    # The batches that were broken off count as tried; what nobody began does not.
    assert execute(url, ATTEMPTS) == [
        (0, photo_count - 2 * BATCH_WORKERS * 8),
        (1, BATCH_WORKERS * 8),
    ]


@pytest.mark.slow
def test_a_photo_that_kills_its_worker_is_set_aside(
    unembedded_url: str, sample_catalog: Path
) -> None:
    url = unembedded_url
    photos = execute(url, "SELECT item_id, reference FROM photos")
    deadly, reference = sorted(photos)[len(photos) // 2]
    command = [sys.executable, "-m", "tests.support.dying_worker"]
    arguments = [url, str(sample_catalog), str(len(photos)), reference]
    workers = subprocess.run(
        [*command, *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    assert [int(code) for code in workers.stdout.split()] == [DIED] * MAX_ATTEMPTS + [0]
    assert vectors(url).keys() == {item_id for item_id, _ in photos} - {deadly}
    assert execute(url, "SELECT item_id, state, last_error FROM embedding_jobs") == [
        (deadly, "failed", f"set aside: the worker ended before it was done, {MAX_ATTEMPTS} times")
    ]
