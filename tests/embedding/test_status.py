"""`lookalike status`: what somebody has to know who is called at night."""

import json
import re
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg

from app.database import Database
from app.models import ensure_index
from tests.conftest import Cli, settings_for
from tests.support.vectors import model_of, vectors
from tests.support.waiting import DEADLINE, execute, wait_until


def status(cli: Cli, url: str) -> dict[str, Any]:
    """What is said of the database's one model."""
    done = cli(url, "status", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    (model,) = said["models"]
    ((expected,),) = execute(url, "SELECT to_json(p) FROM embedding_progress AS p")
    assert {name: model[name] for name in expected} == expected  # one count, asked in two ways
    return dict(model)


def test_what_is_done_and_how_fast(catalog_url: str, cli: Cli) -> None:
    url = catalog_url
    stored = vectors(url)
    early, lost, failed, *late = sorted(stored)
    age = "UPDATE embeddings SET embedded_at = now() - interval '{}'"
    execute(url, age.format("3 hours 1 minute"))
    execute(url, "DELETE FROM embeddings WHERE item_id IN (%s, %s)", lost, failed)
    execute(
        url,
        "INSERT INTO embedding_jobs (model_id, item_id, position, image_sha256, state, last_error)"
        " SELECT 1, item_id, position, sha256, 'failed', 'the file is empty' FROM photos "
        "WHERE item_id = %s",
        failed,
    )
    model = status(cli, url)
    assert model["items"] == len(stored)
    assert [model[name] for name in ("embedded", "pending", "failed")] == [len(late) + 1, 1, 1]
    assert (model["per_minute"], model["index"]) == (0, "valid")
    ((last,),) = execute(url, "SELECT max(embedded_at)::text FROM embeddings")
    assert model["last_embedded_at"][:19] == last[:19]

    lines = cli(url, "status").stdout.splitlines()
    assert re.split("  +", lines[1])[-4:] == ["percent", "per minute", "last embedded", "index"]
    assert lines[2].split()[-5:] == ["0", "3", "h", "ago", "valid"]
    assert lines[3:] == [
        "`lookalike jobs list` says why photos failed",
        "photos are pending and none was embedded in the last minute: is a worker running?",
    ]

    execute(url, f"{age.format('5 seconds')} WHERE item_id <> %s", early)
    assert status(cli, url)["per_minute"] == len(late)
    execute(url, "DELETE FROM embedding_jobs")
    lines = cli(url, "status").stdout.splitlines()
    assert lines[2].split()[-3:] == ["s", "ago", "valid"]
    assert len(lines) == 3


def test_how_the_index_is(
    catalog_database: Database, catalog_url: str, cli: Cli, home: Path
) -> None:
    url = catalog_url
    execute(url, "DROP INDEX embeddings_1_hnsw")
    assert status(cli, url)["index"] == "missing"
    model = model_of(catalog_database)
    building = Thread(target=ensure_index, args=(catalog_database, model, settings_for(url, home)))
    with psycopg.connect(url) as writer:  # whom the build has to wait for
        writer.execute("LOCK TABLE embeddings_1 IN ROW EXCLUSIVE MODE")
        building.start()
        # Another role than the one that builds.
        worker = url.replace("//postgres@", "//lookalike_worker@")
        wait_until(lambda: status(cli, worker)["index"] != "missing")
        assert status(cli, worker)["index"] == "building"
    building.join(DEADLINE)
    assert status(cli, url)["index"] == "valid"
    execute(
        url,
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'embeddings_1_hnsw'::regclass",
    )
    assert status(cli, url)["index"] == "invalid"


def test_a_model_without_vectors(unembedded_url: str, cli: Cli) -> None:
    model = status(cli, unembedded_url)
    assert (model["last_embedded_at"], model["per_minute"], model["index"]) == (None, 0, "missing")
    line = cli(unembedded_url, "status").stdout.splitlines()[2]
    assert line.split()[-3:] == ["0", "never", "missing"]


def test_a_schema_that_lacks_something_is_told(catalog_url: str, cli: Cli) -> None:
    execute(catalog_url, "DROP FUNCTION centroid(bigint[])")
    done = cli(catalog_url, "status")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lookalike: the schema lacks function centroid: run")
    assert done.stderr.count("\n") == 1
