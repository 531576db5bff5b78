"""The log as JSON: every line of standard error is one object, whatever happens."""

import json
import logging
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.logs import JsonFormatter
from tests.conftest import Cli, cli_environment, free_port, wait_for
from tests.support.commands import LOOKALIKE
from tests.support.waiting import execute

JSON = {"LOOKALIKE_LOG_FORMAT": "json"}


def events(text: str) -> list[dict[str, Any]]:
    """The lines of a log; each is an object that says when, how grave and what."""
    found = [json.loads(line) for line in text.splitlines()]
    for event in found:
        assert list(event)[:4] == ["time", "level", "event", "message"]
        assert datetime.fromisoformat(event["time"]).tzinfo is not None
    return found


@pytest.mark.slow
def test_a_workers_log(
    empty_url: str, cli: Cli, sample_catalog: Path, photo_count: int, tmp_path: Path
) -> None:
    done = cli(empty_url, "ingest", sample_catalog, **JSON)
    assert done.returncode == 0, done.stderr
    assert " rows read: " in done.stdout  # what was asked for is no log
    assert {event["event"] for event in events(done.stderr)} == {"progress", "ingest"}

    done = cli(empty_url, "embed", LOOKALIKE_MODEL="compact", **JSON)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    log = events(done.stderr)
    names = [event["event"] for event in log]
    assert [name for name in names if name != "progress"] == [
        "registering", "embedded", "index_built",
    ]  # fmt: skip
    *_, last = (event for event in log if event["message"].startswith("embedding with compact"))
    assert (last["done"], last["total"], last["seconds_left"]) == (photo_count, photo_count, 0)
    assert last["per_second"] > 0
    embedded = log[names.index("embedded")]
    assert (embedded["model"], embedded["embedded"], embedded["failed"]) == (
        "compact",
        photo_count,
        0,
    )
    assert embedded["message"].startswith(f"compact: {photo_count} embedded, 0 failed in ")

    missing = tmp_path / "missing"
    execute(empty_url, "TRUNCATE embeddings")
    done = cli(empty_url, "embed", LOOKALIKE_IMAGES=str(missing), **JSON)
    (event,) = events(done.stderr)
    assert (done.returncode, event["level"], event["event"]) == (1, "error", "failed")
    assert event["message"].startswith(f"the folder of the photos, {missing}, isn't there: ")


@pytest.mark.slow
def test_the_apis_log(catalog_url: str, home: Path) -> None:
    port = free_port()
    # A second worker might still be starting when it is told to stop; gunicorn then kills it.
    process = subprocess.Popen(
        [LOOKALIKE, "serve", "--port", str(port)],
        env=cli_environment(catalog_url, home, LOOKALIKE_WEB_WORKERS="1", **JSON),
        stderr=subprocess.PIPE,
        text=True,
    )
    base = wait_for(f"http://127.0.0.1:{port}")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{base}/api/v1/items?secret=word", timeout=30)  # noqa: S310
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    log = events(errors)
    assert log[0]["event"] == "serving"
    requests = [event for event in log if event["event"] == "request"]
    assert [(event["path"], event["status"]) for event in requests[-2:]] == [
        ("/readyz", 200), ("/api/v1/items", 422),
    ]  # fmt: skip
    assert all(0 < event["seconds"] < 60 for event in requests)
    assert "secret" not in errors


def test_a_wrong_format_is_one_plain_line(catalog_url: str, cli: Cli) -> None:
    done = cli(catalog_url, "status", LOOKALIKE_LOG_FORMAT="xml")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("lookalike: LOOKALIKE_LOG_FORMAT is 'xml': ")


def test_index_settings_that_dont_fit_are_refused_before_the_work(
    catalog_url: str, cli: Cli
) -> None:
    done = cli(catalog_url, "embed", LOOKALIKE_HNSW_EF_CONSTRUCTION="20")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "lookalike: LOOKALIKE_HNSW_EF_CONSTRUCTION is '20': it has to be at least twice "
        "LOOKALIKE_HNSW_M\n"
    )


def test_what_others_log_and_what_nobody_caught() -> None:
    code = (
        "import logging, warnings\n"
        "from threading import Thread\n"
        "from app.logs import configure\n"
        "configure('json')\n"
        "logging.getLogger('other.library').warning('two\\nlines of %s', 'text')\n"
        "warnings.warn('old-fashioned', stacklevel=1)\n"
        "thread = Thread(target=lambda: 1 / 0)\n"
        "thread.start()\n"
        "thread.join()\n"
        "raise RuntimeError('nobody caught it')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    other, warned, in_thread, crashed = events(done.stderr)
    assert (other["event"], other["message"]) == ("other.library", "two\nlines of text")
    assert (warned["event"], warned["level"]) == ("py.warnings", "warning")
    for event, words in ((in_thread, "division by zero"), (crashed, "nobody caught it")):
        assert (event["event"], event["level"], event["message"]) == ("crashed", "critical", words)
        assert "Traceback" in event["exception"]


def test_a_field_that_json_lacks_is_its_text() -> None:
    record = logging.makeLogRecord({"msg": "ä", "event": "seen", "fields": {"at": Path("/a")}})
    line = JsonFormatter().format(record)
    assert json.loads(line)["at"] == "/a"
    assert '"message": "ä"' in line
