"""`lookalike status`: what somebody has to know who is called at night."""

import json
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg

from app.database import Database
from app.models import ensure_index, get_model
from tests.conftest import Cli, settings_for
from tests.support.commands import DEADLINE, execute, wait_until
from tests.support.vectors import vectors

INVALID = (
    "SELECT true FROM pg_index "
    "WHERE indexrelid = to_regclass('embeddings_1_hnsw') AND NOT indisvalid"
)


def status(cli: Cli, url: str) -> dict[str, Any]:
    """What is said of the database's one model."""
    done = cli(url, "status", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (model,) = json.loads(done.stdout)["models"]
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
        "INSERT INTO embedding_jobs (model_id, item_id, image_sha256, state, last_error) "
        "SELECT 1, item_id, image_sha256, 'failed', 'the file is empty' FROM items "
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
    assert lines[1].endswith("percent  per minute  last embedded  index")
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
    with catalog_database.session() as session:
        model = get_model(session, "compact")
        session.expunge(model)
    building = Thread(target=ensure_index, args=(catalog_database, model, settings_for(url, home)))
    with psycopg.connect(url) as reader:  # whom the build has to wait for
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT count(*) FROM items")
        building.start()
        wait_until(lambda: execute(url, INVALID))
        # Another role than the one that builds.
        worker = url.replace("//postgres@", "//lookalike_worker@")
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
