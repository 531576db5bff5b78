"""`lookalike models`: what is refused changes nothing, and says why in one line."""

import json
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from app.database import Database
from app.encoders.registry import get_backbone
from app.errors import LookalikeError
from app.models import activate, activation, add
from tests.conftest import Cli
from tests.support.commands import DEADLINE, Start, end, execute, wait_until

GHOST = "0" * 64
"""The hash of weights that no machine has."""

MODELS = "SELECT name, active FROM embedding_models ORDER BY model_id"
PARTITIONS = (
    "SELECT c.relname, i.inhdetachpending FROM pg_class AS c "
    "LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid "
    "WHERE c.relname ~ '^embeddings_[0-9]+$' ORDER BY 1"
)
VISIBLE = "SELECT count(*) FROM item_embeddings"
WAITING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND query LIKE 'SELECT pg_try_advisory_xact_lock%'"
)
"""Commands that wait for their turn at the models."""


def add_ghost(database: Database) -> None:
    """Register a second model, as another machine would."""
    with database.session() as session:
        add(session, get_backbone("compact"), "ghost", GHOST)
        session.commit()


def cut_short(url: str, dropping: "subprocess.Popen[str]", partition: str) -> None:
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


def test_adding(catalog_url: str, cli: Cli, home: Path, tmp_path: Path) -> None:
    url = catalog_url
    assert refused(cli, url, "models", "add", "compact") == (
        "a model called 'compact' is registered already: choose another name with --as"
    )
    wrong = tmp_path / "wrong.weights.h5"
    wrong.write_text("no weights at all")
    kept = sorted((home / "weights").iterdir())
    line = refused(cli, url, "models", "add", "compact", "--as", "b", "--weights", wrong)
    assert line.startswith(f"{wrong} holds no weights of compact (")
    assert "no backbone is called 'alexnet'" in refused(cli, url, "models", "add", "alexnet")
    missing = refused(cli, url, "models", "add", "compact", "--as", "b", "--weights", "nowhere.h5")
    assert missing == "can't read the weights file nowhere.h5: No such file or directory"
    homeless = cli(url, "models", "add", "compact", "--as", "b", LOOKALIKE_HOME=str(wrong / "home"))
    assert (homeless.returncode, homeless.stderr) == (
        1,
        f"lookalike: {wrong}/home/weights: Not a directory\n",
    )
    assert execute(url, MODELS) == [("compact", True)]
    assert execute(url, PARTITIONS) == [("embeddings_1", False)]
    assert sorted((home / "weights").iterdir()) == kept

    done = cli(url, "models", "add", "compact", "--as", "second")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("registered second: 256 dimensions, weights ")
    done = cli(url, "models", "list", "--json")
    assert done.stderr == ""
    compact, second = json.loads(done.stdout)["models"]
    assert (compact["name"], compact["active"]) == ("compact", True)
    assert (second["name"], second["active"]) == ("second", False)
    assert compact["weights_sha256"] == second["weights_sha256"]


def test_activating(catalog_database: Database, catalog_url: str, cli: Cli) -> None:
    url = catalog_url
    add_ghost(catalog_database)
    ((photos,),) = execute(url, VISIBLE)
    done = cli(url, "models", "activate", "compact")
    assert (done.returncode, done.stdout) == (0, "compact was active already: nothing changed\n")
    assert refused(cli, url, "models", "activate", "ghost") == (
        f"ghost still has {photos} photos to embed: run `lookalike embed --model ghost` first, or "
        "activate it with --force"
    )
    assert "registered: compact, ghost" in refused(cli, url, "models", "activate", "nobody")
    assert execute(url, MODELS) == [("compact", True), ("ghost", False)]
    assert cli(url, "models", "activate", "ghost", "--force").returncode == 0
    assert execute(url, MODELS) == [("compact", False), ("ghost", True)]
    assert execute(url, VISIBLE) == [(0,)]
    assert cli(url, "models", "activate", "compact").stdout == "compact is active now\n"
    assert execute(url, VISIBLE) == [(photos,)]


def test_a_failed_photo_keeps_neither_index_nor_switch_waiting(
    unembedded_url: str, catalog: Path, cli: Cli
) -> None:
    url = unembedded_url
    photos = sorted((catalog / "images").iterdir())
    photos[0].write_text("no photo at all")
    done = cli(url, "models", "add", "compact", "--as", "second")
    assert done.returncode == 0, done.stderr
    done = cli(url, "embed", "--model", "second", LOOKALIKE_IMAGES=str(catalog))
    assert done.returncode == 0, done.stderr
    assert f"second: {len(photos) - 1} embedded, 1 failed" in done.stdout
    assert "second: index built in" in done.stdout
    assert execute(url, "SELECT indisvalid FROM pg_index WHERE indrelid = 'embeddings_2'::regclass "
                   "AND indexprs IS NOT NULL") == [(True,)]  # fmt: skip
    assert cli(url, "models", "activate", "second").stdout == "second is active now\n"

    # Tried again it is pending, and a model with that is not switched to.
    assert cli(url, "models", "activate", "compact", "--force").returncode == 0
    assert cli(url, "jobs", "retry", "--reason", "ingest again").stdout.endswith(": 1\n")
    assert refused(cli, url, "models", "activate", "second").startswith(
        "second still has 1 photos to embed"
    )


def test_weights_that_this_machine_lacks(
    catalog_database: Database, catalog_url: str, cli: Cli, home: Path
) -> None:
    add_ghost(catalog_database)
    assert refused(cli, catalog_url, "embed", "--model", "ghost") == (
        f"this machine lacks the weights of compact with SHA-256 {GHOST}: put that file at "
        f"{home}/weights/{GHOST}.weights.h5"
    )


def test_a_model_without_weights_keeps_no_other_from_its_photos(
    unembedded_database: Database, unembedded_url: str, cli: Cli, photo_count: int
) -> None:
    with unembedded_database.session() as session:
        for name, weights in (("absent", "ab" * 32), ("zero", "0" * 64)):
            add(session, get_backbone("compact"), name, weights)
        session.commit()
    done = cli(unembedded_url, "embed")
    assert done.returncode == 1
    assert f"compact: {photo_count} embedded, 0 failed" in done.stdout
    assert "lookalike: absent is passed over: this machine lacks the weights" in done.stderr
    assert done.stderr.endswith("lookalike: the photos of absent, zero still wait\n")


def test_dropping(catalog_database: Database, catalog_url: str, cli: Cli) -> None:
    url = catalog_url
    add_ghost(catalog_database)
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
    catalog_database: Database, catalog_url: str, cli: Cli, start: Start
) -> None:
    """Cut short between the two halves of the detachment, where readers make it wait."""
    url = catalog_url
    add_ghost(catalog_database)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        cut_short(url, start(url, "models", "drop", "ghost"), "embeddings_2")
    assert execute(url, PARTITIONS) == [("embeddings_1", False), ("embeddings_2", True)]

    # Meanwhile the other model is looked after, and the half dropped one is left alone.
    text = "the model ghost was dropped, or begun to be: if `lookalike models list` still has it, "
    done = cli(url, "embed")
    assert (done.returncode, done.stdout) == (0, "compact: nothing to embed\n")
    assert done.stderr == f"lookalike: {text}run `lookalike models drop ghost` again\n"
    assert refused(cli, url, "embed", "--model", "ghost").startswith(text)

    assert cli(url, "models", "drop", "ghost").returncode == 0
    assert execute(url, MODELS) == [("compact", True)]
    assert execute(url, PARTITIONS) == [("embeddings_1", False)]


def test_a_model_is_not_activated_while_it_is_dropped(
    catalog_database: Database,
    catalog_url: str,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = catalog_url
    add_ghost(catalog_database)
    monkeypatch.setattr(activation, "PATIENCE", 0.0)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        dropping = start(url, "models", "drop", "ghost")
        wait_until(lambda: ("embeddings_2", True) in execute(url, PARTITIONS))
        with pytest.raises(LookalikeError, match="activating or dropping a model"):
            activate(catalog_database, "ghost", force=True)
        activating = start(url, "models", "activate", "ghost", "--force")
        wait_until(lambda: execute(url, WAITING) or activating.poll() is not None)
        assert activating.poll() is None
    assert dropping.communicate(timeout=DEADLINE) == ("dropped ghost and its vectors\n", "")
    _, errors = activating.communicate(timeout=DEADLINE)
    assert errors == "lookalike: no model is called 'ghost'; registered: compact\n"
    assert execute(url, MODELS) == [("compact", True)]


def test_a_model_added_while_the_only_one_is_dropped_becomes_active(
    catalog_url: str, start: Start
) -> None:
    url = catalog_url
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        dropping = start(url, "models", "drop", "compact")
        wait_until(lambda: ("embeddings_1", True) in execute(url, PARTITIONS))
        adding = start(url, "models", "add", "compact", "--as", "second")
        wait_until(lambda: execute(url, WAITING) or adding.poll() is not None)
        assert adding.poll() is None
    assert dropping.communicate(timeout=DEADLINE) == ("dropped compact and its vectors\n", "")
    output, _ = adding.communicate(timeout=DEADLINE)
    assert output.endswith(", active\n")
    assert execute(url, MODELS) == [("second", True)]
    assert execute(url, PARTITIONS) == [("embeddings_2", False)]


def test_a_model_added_after_the_drop_of_the_only_one_was_cut_short(
    catalog_database: Database, catalog_url: str, cli: Cli, start: Start
) -> None:
    url = catalog_url
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        cut_short(url, start(url, "models", "drop", "compact"), "embeddings_1")
    add_ghost(catalog_database)
    assert execute(url, MODELS) == [("compact", False), ("ghost", True)]
    assert cli(url, "models", "drop", "compact").returncode == 0
    assert execute(url, MODELS) == [("ghost", True)]
    assert execute(url, PARTITIONS) == [("embeddings_2", False)]


def test_a_drop_is_finished_beside_a_command_that_waits_for_it(
    catalog_url: str, start: Start
) -> None:
    """Finishing a detachment waits for snapshots: one who waits for the drop must hold none."""
    url = catalog_url
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        cut_short(url, start(url, "models", "drop", "compact"), "embeddings_1")
    asked: set[object] = set()
    with psycopg.connect(url, autocommit=True) as dropping:
        dropping.execute("SELECT pg_advisory_lock(hashtext('embedding_models'))")
        adding = start(url, "models", "add", "compact", "--as", "second")

        def asked_often() -> bool:
            asked.update(execute(url, WAITING.replace("pid", "query_start", 1)))
            return len(asked) > 10

        wait_until(asked_often)
        dropping.execute("SET statement_timeout = '30s'")
        dropping.execute("ALTER TABLE embeddings DETACH PARTITION embeddings_1 FINALIZE")
    assert adding.communicate(timeout=DEADLINE)[0].endswith(", active\n")
