"""`lookalike models`: what is refused changes nothing, and says why in one line."""

import json
import signal
import subprocess
from dataclasses import FrozenInstanceError

import psycopg
import pytest

from app.database import Database
from app.errors import LookalikeError
from app.models import activate, active_model, drop, get_model, list_models, partition_name
from tests.conftest import Cli, Start
from tests.models.conftest import PRODUCTS, add_model
from tests.support.commands import Command
from tests.support.waiting import DEADLINE, end, execute, wait_until

PHOTOS = PRODUCTS + PRODUCTS // 10
MODELS = "SELECT name, active FROM embedding_models ORDER BY model_id"
PARTITIONS = (
    "SELECT c.relname, i.inhdetachpending FROM pg_class AS c "
    "LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid "
    "WHERE c.relname ~ '^embeddings_[0-9]+$' ORDER BY 1"
)
VISIBLE = "SELECT count(*) FROM photo_embeddings"
HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"


def cut_short(url: str, dropping: Command, partition: str) -> None:
    """Kill a drop that waits for a reader, and what the server does for it."""
    wait_until(lambda: (partition, True) in execute(url, PARTITIONS))
    end(dropping, signal.SIGKILL)
    execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND query LIKE 'ALTER TABLE%'",
    )


def refused(cli: Cli, url: str, *arguments: object) -> str:
    """Run a command that is to fail with one line, and return the line."""
    done = cli(url, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line.removeprefix("lookalike: ")


def test_reading(database: Database) -> None:
    ghost = add_model(database, "ghost")
    with database.connection() as connection:
        compact, second = list_models(connection)
        assert active_model(connection) == compact == get_model(connection, "compact")
        assert second == ghost
        assert list_models(connection, after=compact.model_id, limit=1) == [ghost]
        assert list_models(connection, after=2**40) == []
        with pytest.raises(LookalikeError, match="registered: compact, ghost"):
            get_model(connection, "nobody")
    assert (compact.active, compact.dropping, compact.dimensions) == (True, False, 256)
    with pytest.raises(FrozenInstanceError):
        compact.active = False  # type: ignore[misc]


def test_registering(database: Database, models_url: str) -> None:
    with pytest.raises(LookalikeError, match="'compact' is registered already: choose another"):
        add_model(database, "compact")
    assert execute(models_url, MODELS) == [("compact", True)]
    assert execute(models_url, PARTITIONS) == [("embeddings_1", False)]
    ghost = add_model(database, "ghost")
    assert partition_name(ghost.model_id) == execute(models_url, PARTITIONS)[1][0]
    with pytest.raises(psycopg.errors.CheckViolation):
        execute(
            models_url,
            "INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256) "
            "VALUES (%s, 1, 1, '[1,0]', '')",
            ghost.model_id,
        )


def test_listing_as_json(database: Database, models_url: str, cli: Cli) -> None:
    add_model(database, "ghost")
    done = cli(models_url, "models", "list", "--json")
    assert done.stderr == ""
    compact, ghost = json.loads(done.stdout)["models"]
    assert (compact["name"], compact["active"]) == ("compact", True)
    assert (ghost["name"], ghost["active"], ghost["dropping"]) == ("ghost", False, False)
    table = cli(models_url, "models", "list").stdout
    assert [line.split()[0] for line in table.splitlines()] == ["name", "compact", "ghost"]


def test_activating(database: Database, models_url: str, cli: Cli) -> None:
    url = models_url
    add_model(database, "ghost")
    assert execute(url, VISIBLE) == [(PHOTOS,)]
    done = cli(url, "models", "activate", "compact")
    assert (done.returncode, done.stdout) == (0, "compact was active already: nothing changed\n")
    assert refused(cli, url, "models", "activate", "ghost") == (
        f"ghost still has {PHOTOS:,} photos to embed: run `lookalike embed --model ghost` first, "
        "or activate it with --force"
    )
    assert "registered: compact, ghost" in refused(cli, url, "models", "activate", "nobody")
    assert execute(url, MODELS) == [("compact", True), ("ghost", False)]
    assert cli(url, "models", "activate", "ghost", "--force").returncode == 0
    assert execute(url, MODELS) == [("compact", False), ("ghost", True)]
    assert execute(url, VISIBLE) == [(0,)]
    assert cli(url, "models", "activate", "compact").stdout == "compact is active now\n"
    assert execute(url, VISIBLE) == [(PHOTOS,)]


def test_dropping(database: Database, models_url: str, cli: Cli) -> None:
    url = models_url
    add_model(database, "ghost")
    assert refused(cli, url, "models", "drop", "compact") == (
        "compact is active: activate another model first, with `lookalike models activate NAME`"
    )
    assert cli(url, "models", "drop", "ghost").stdout == "dropped ghost and its vectors\n"
    assert execute(url, MODELS) == [("compact", True)]
    assert cli(url, "models", "drop", "compact").returncode == 0
    assert execute(url, MODELS) == []
    assert execute(url, PARTITIONS) == []
    assert execute(url, VISIBLE) == [(0,)]


def test_a_drop_that_was_cut_short(
    database: Database, models_url: str, cli: Cli, start: Start
) -> None:
    """Cut short between the two halves of the detachment, where readers make it wait."""
    url = models_url
    add_model(database, "ghost")
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        cut_short(url, start(url, "models", "drop", "ghost"), "embeddings_2")
    assert execute(url, PARTITIONS) == [("embeddings_1", False), ("embeddings_2", True)]

    # It is out of use for good, whatever is said.
    for arguments in (["activate", "ghost"], ["activate", "ghost", "--force"]):
        assert refused(cli, url, "models", *arguments) == (
            "ghost is being dropped: run `lookalike models drop ghost` to finish that, and "
            "activate another model"
        )
    with pytest.raises(LookalikeError, match=r"'ghost' is being dropped: run .* or choose"):
        add_model(database, "ghost")
    assert "dropping" in cli(url, "models", "list").stdout

    assert cli(url, "models", "drop", "ghost").returncode == 0
    assert execute(url, MODELS) == [("compact", True)]
    assert execute(url, PARTITIONS) == [("embeddings_1", False)]


@pytest.mark.parametrize("step", ["marked", "detached", "without a table"])
def test_a_drop_goes_on_from_every_step(database: Database, models_url: str, step: str) -> None:
    add_model(database, "ghost", vectors=True)
    execute(models_url, "UPDATE embedding_models SET dropping = true WHERE name = 'ghost'")
    if step != "marked":
        execute(models_url, "ALTER TABLE embeddings DETACH PARTITION embeddings_2")
    if step == "without a table":
        execute(models_url, "DROP TABLE embeddings_2")
    drop(database, "ghost")
    assert execute(models_url, MODELS) == [("compact", True)]
    assert execute(models_url, PARTITIONS) == [("embeddings_1", False)]


def test_a_drop_holds_nobody_up(database: Database, models_url: str, start: Start) -> None:
    """While it waits for a reader, others register and activate, and no lock is held."""
    url = models_url
    add_model(database, "ghost")
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        dropping = start(url, "models", "drop", "ghost")
        wait_until(lambda: ("embeddings_2", True) in execute(url, PARTITIONS))
        assert execute(url, HELD) == [(0,)]
        with pytest.raises(LookalikeError, match="is being dropped"):
            activate(database, "ghost", force=True)
        execute(url, "SET lock_timeout = '5s'; SELECT count(*) FROM item_embeddings")
    assert dropping.communicate(timeout=DEADLINE) == ("dropped ghost and its vectors\n", "")
    assert execute(url, MODELS) == [("compact", True)]


def test_two_drops_of_one_model_both_end(database: Database, models_url: str, start: Start) -> None:
    url = models_url
    add_model(database, "ghost")
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        first = start(url, "models", "drop", "ghost")
        wait_until(lambda: ("embeddings_2", True) in execute(url, PARTITIONS))
        second = start(url, "models", "drop", "ghost")
        wait_until(
            lambda: execute(
                url,
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                "AND query LIKE 'ALTER TABLE embeddings DETACH%%FINALIZE' AND state = 'active'",
            )
        )
    for dropping in (first, second):
        output, errors = dropping.communicate(timeout=DEADLINE)
        assert (dropping.returncode, errors) == (0, ""), (output, errors)
    assert execute(url, PARTITIONS) == [("embeddings_1", False)]


def test_a_model_added_after_the_drop_of_the_only_one_was_cut_short(
    database: Database, models_url: str, cli: Cli, start: Start
) -> None:
    url = models_url
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        cut_short(url, start(url, "models", "drop", "compact"), "embeddings_1")
    add_model(database, "ghost")
    assert execute(url, MODELS) == [("compact", False), ("ghost", True)]
    assert cli(url, "models", "drop", "compact").returncode == 0
    assert execute(url, MODELS) == [("ghost", True)]
    assert execute(url, PARTITIONS) == [("embeddings_2", False)]


def test_a_drop_survives_a_servers_statement_timeout(
    database: Database, models_url: str, start: Start
) -> None:
    url = models_url
    add_model(database, "ghost")
    ((name,),) = execute(url, "SELECT current_database()")
    execute(url, f"ALTER DATABASE {name} SET statement_timeout = '300ms'")
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        dropping = start(url, "models", "drop", "ghost")
        wait_until(lambda: ("embeddings_2", True) in execute(url, PARTITIONS))
        with pytest.raises(subprocess.TimeoutExpired):
            dropping.wait(1.5)
    assert dropping.communicate(timeout=DEADLINE) == ("dropped ghost and its vectors\n", "")
