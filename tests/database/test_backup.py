"""The backup page, run word by word by a plain owner; and what is missing after a restore."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from app.database import Database, connect, embedded, migrate, open_database, schema
from app.database.differences import find_differences
from app.database.objects import missing_objects
from tests.conftest import NUMBERS, Cli, cli_environment, clone, settings_for
from tests.models.conftest import add_model
from tests.support.commands import LOOKALIKE
from tests.support.waiting import execute

PAGE = Path(__file__).parents[2] / "docs" / "backup.md"


class Owned(NamedTuple):
    """A database of a plain role's."""

    url: str
    role: str


@pytest.fixture
def target(server: str) -> Iterator[Owned]:
    """An empty database with pgvector, of an owner who is no superuser."""
    role = f"owner_{next(NUMBERS)}"
    execute(server, f"CREATE ROLE {role} LOGIN")
    with clone(server, "template1") as url:
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        execute(url, "CREATE EXTENSION vector")
        execute(server, f"ALTER DATABASE {name} OWNER TO {role}")
        yield Owned(url.replace("//postgres@", f"//{role}@"), role)
    execute(server, f"DROP ROLE {role}")


def commands_of(heading: str) -> str:
    """The shell commands of a part of the page."""
    part = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", part, re.DOTALL))


def run_commands(
    text: str, url: str, home: Path, folder: Path
) -> "subprocess.CompletedProcess[str]":
    programs = f"{embedded.binary('pg_dump').parent}:{LOOKALIKE.parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text],
        env={**cli_environment(url, home), "PATH": programs},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_the_page_word_by_word(
    server: str,
    models_template: str,
    target: Owned,
    home: Path,
    tmp_path: Path,
) -> None:
    nearest = "SELECT array_agg(item_id) FROM similar_items(7, 20)"
    with clone(server, models_template) as url:
        asked = execute(url, nearest)
        done = run_commands(commands_of("Back up"), url, home, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    done = run_commands(commands_of("Restore"), target.url, home, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the schema is current, at revision" in done.stdout
    assert execute(target.url, nearest) == asked
    # The rights are there, and the index is.
    reader = target.url.replace(f"//{target.role}@", "//lookalike_analyst@")
    assert execute(reader, nearest) == asked
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'embeddings_1_hnsw'::regclass"
    assert execute(target.url, valid) == [(True,)]


@pytest.mark.slow
def test_in_one_go_by_a_plain_owner(
    server: str,
    models_template: str,
    target: Owned,
    home: Path,
    tmp_path: Path,
) -> None:
    with clone(server, models_template) as url:
        piped = f"pg_dump -Fc '{url}' | pg_restore --no-owner --dbname='{target.url}'"
        done = run_commands(piped, url, home, tmp_path)
    lines = [line for line in done.stderr.splitlines() if "error:" in line]
    assert all("extension vector" in line for line in lines), done.stderr
    with open_database(settings_for(target.url, home)) as database:
        schema.check(database)
        with database.connection() as connection:
            assert find_differences(connection) == []


def test_a_restore_without_roles_and_rights_is_noticed_and_mended(empty_url: str, cli: Cli) -> None:
    for role in ("lookalike_analyst", "lookalike_api", "lookalike_worker"):
        execute(empty_url, f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
    done = cli(empty_url, "db", "check")
    assert done.returncode == 1
    (said,) = [line for line in done.stdout.splitlines() if "lookalike_api lacks SELECT" in line]
    assert "items" in said
    assert "run `lookalike db upgrade`" in done.stderr
    mended = cli(empty_url, "db", "upgrade")
    assert mended.returncode == 0, mended.stderr
    assert f"repaired: {said}" in mended.stdout
    assert cli(empty_url, "db", "check").returncode == 0


DAMAGES = {
    "DROP FUNCTION search_candidates CASCADE": "function search_candidates",
    "DROP FUNCTION filter_items CASCADE": "function filter_items",
    "DROP VIEW duplicate_items": "view duplicate_items is missing",
    "DROP VIEW item_embeddings CASCADE": "view item_embeddings is missing",
    "DROP PROCEDURE grant_rights": "procedure grant_rights() is missing",
    "DROP TYPE similar_item CASCADE": "type similar_item is missing",
    "DROP SEQUENCE item_ids": "sequence item_ids is missing",
    "DROP INDEX photos_sha256": "index photos_sha256 is missing",
    "DROP INDEX items_gender": "index items_gender is missing",
    "COMMENT ON TABLE items IS NULL": "table items is different",
    "COMMENT ON COLUMN photos.width IS 'x'": "column photos.width is different",
    "CREATE OR REPLACE FUNCTION exact_search_limit() RETURNS integer LANGUAGE sql IMMUTABLE "
    "RETURN 1": "function exact_search_limit() is different",
    "ALTER FUNCTION search_candidates RESET ALL": "function search_candidates",
    "CREATE OR REPLACE VIEW photo_embeddings AS SELECT item_id, position, embedding "
    "FROM embeddings": "view photo_embeddings is different",
    "REVOKE SELECT ON photos FROM lookalike_api": "role lookalike_api lacks SELECT on photos",
    "REVOKE USAGE ON SEQUENCE item_ids FROM lookalike_worker": "lacks USAGE on item_ids",
    "REVOKE UPDATE (precision) ON embedding_models FROM lookalike_worker": "lacks UPDATE on "
    "embedding_models.precision",
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_damages_are_named_and_mended(
    empty_database: Database, empty_url: str, damage: str
) -> None:
    add_model(empty_database, "one")
    execute(empty_url, damage)
    with connect(empty_url) as connection:
        found = find_differences(connection)
        assert any(DAMAGES[damage] in line for line in found), found
        if damage.startswith(("DROP FUNCTION", "DROP VIEW", "DROP TYPE", "DROP PROC")):
            assert missing_objects(connection)
    migrate.repair(empty_database)
    with connect(empty_url) as connection:
        assert find_differences(connection) == []
        assert missing_objects(connection) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("DROP TABLE evaluations", "table evaluations is missing"),
        ("ALTER TABLE items DROP COLUMN price CASCADE", "column items.price is missing"),
        ("ALTER TABLE items ALTER COLUMN sku TYPE varchar(99)", "column items.sku is different"),
        ("ALTER TABLE photos DROP CONSTRAINT photos_pkey CASCADE", "constraint photos_pkey"),
        ("ALTER TABLE embeddings DETACH PARTITION embeddings_1", "table embeddings_1 is missing"),
        ("DROP TABLE items CASCADE", "table items is missing"),
        ("DROP TABLE attributes CASCADE", "table attributes is missing"),
        ("DROP TABLE embedding_models CASCADE", "table embedding_models is missing"),
        ("DROP EXTENSION vector CASCADE", "extension vector is missing"),
    ],
)
def test_what_held_rows_is_named_and_not_invented(
    empty_database: Database, empty_url: str, cli: Cli, damage: str, named: str
) -> None:
    add_model(empty_database, "one")
    execute(empty_url, damage)
    done = cli(empty_url, "db", "check")
    assert done.returncode == 1
    assert any(named in line for line in done.stdout.splitlines())
    done = cli(empty_url, "db", "upgrade")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "this can't be repaired: " in line
    assert named in line
    assert "restore" in line.lower()


def test_a_restore_without_pgvector_is_named(
    server: str, empty_url: str, home: Path, tmp_path: Path, cli: Cli
) -> None:
    with clone(server, "template1") as url:
        done = run_commands(
            f"pg_dump '{empty_url}' | grep -v EXTENSION | psql -q '{url}'", url, home, tmp_path
        )
        assert 'halfvec" does not exist' in done.stderr
        for command in (["db", "check"], ["db", "upgrade"], ["status"]):
            done = cli(url, *command)
            assert done.returncode == 1
            assert "extension vector" in done.stdout + done.stderr
        assert "table embeddings" in done.stdout + done.stderr


def test_a_role_that_may_not_compare_says_so(empty_url: str, cli: Cli) -> None:
    done = cli(empty_url.replace("//postgres@", "//lookalike_api@"), "db", "check")
    assert done.returncode == 0, done.stderr
    assert "nothing is missing by name; for a full comparison" in done.stdout


@pytest.mark.parametrize("setting", ["default_transaction_read_only", "quote_all_identifiers"])
def test_a_setting_of_the_server_is_no_difference(empty_url: str, cli: Cli, setting: str) -> None:
    execute(empty_url, f"ALTER DATABASE {database_of(empty_url)} SET {setting} = on")
    done = cli(empty_url, "db", "check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_statement_timeout_ends_no_comparison(empty_url: str, cli: Cli) -> None:
    execute(empty_url, f"ALTER DATABASE {database_of(empty_url)} SET statement_timeout = '40ms'")
    for command in (["db", "check"], ["status"]):
        done = cli(empty_url, *command)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_sequence_made_anew_gives_no_key_twice(empty_database: Database, empty_url: str) -> None:
    last = 1_000_000_000_000_041
    execute(empty_url, f"INSERT INTO items (item_id, sku) VALUES ({last}, 'a'), (7, '7')")
    execute(empty_url, "DROP SEQUENCE item_ids")
    migrate.repair(empty_database)
    assert execute(empty_url, "SELECT nextval('item_ids')") == [(last + 1,)]


def test_a_column_made_anew_is_said_to_be_empty(empty_url: str, cli: Cli) -> None:
    execute(empty_url, "ALTER TABLE items DROP COLUMN gender CASCADE")
    done = cli(empty_url, "db", "upgrade")
    assert "repaired: column items.gender is missing; ingest again" in done.stdout


def database_of(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def test_attributes_declared_later_are_no_difference(empty_url: str) -> None:
    """They stand behind the others in the rows of a search, whatever their place among them."""
    execute(
        empty_url,
        "UPDATE attributes SET ordinal = ordinal + 1000; "
        "INSERT INTO attributes (name, ordinal, type, label, filter) "
        "VALUES ('material', 1, 'text', 'Material', true); "
        "CALL apply_attributes()",
    )
    with connect(empty_url) as connection:
        assert find_differences(connection) == []


def test_a_model_that_is_active_is_no_difference(empty_database: Database, empty_url: str) -> None:
    add_model(empty_database, "one")
    add_model(empty_database, "two", dimensions=64)
    with connect(empty_url) as connection:
        assert find_differences(connection) == []
    migrate.repair(empty_database)
    with connect(empty_url) as connection:
        definition = connection.execute(
            "SELECT pg_get_viewdef('photo_embeddings'::regclass)"
        ).fetchone()
    assert definition is not None
    assert "halfvec(256)" in definition[0]
