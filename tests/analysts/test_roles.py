"""The three roles: made once a cluster, granted in each database, revoked by a downgrade."""

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.database import embedded, migrate, open_database
from app.http import create_app
from tests.analysts.conftest import ANALYST, as_role
from tests.conftest import NUMBERS, Cli, clone, settings_for

ROLES = (ANALYST, "lookalike_api", "lookalike_worker")
HOLDINGS = """
SELECT r.rolname
FROM pg_shdepend AS d
JOIN pg_database AS b ON b.oid = d.dbid AND b.datname = current_database()
JOIN pg_roles AS r ON r.oid = d.refobjid
WHERE d.refclassid = 'pg_authid'::regclass AND starts_with(r.rolname, 'lookalike_')
"""
KNOWN = "SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'lookalike_') ORDER BY rolname"
"""Names, as tuples."""


def rows(url: str, question: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(question.encode()).fetchall()


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_a_downgrade_revokes_and_leaves_the_roles(
    server: str, drawn_template: str, home: Path
) -> None:
    with clone(server, drawn_template) as url:
        assert {role for (role,) in rows(url, HOLDINGS)} == set(ROLES)
        with open_database(settings_for(url, home)) as database:
            migrate.downgrade(database, "base")
            assert rows(url, HOLDINGS) == []
            assert [role for (role,) in rows(url, KNOWN)] == list(ROLES)
            migrate.upgrade(database)
        assert rows(as_role(url, ANALYST), "SELECT count(*) FROM items") == [(0,)]


def test_the_api_runs_as_its_role(drawn_url: str, home: Path) -> None:
    app = create_app(settings_for(as_role(drawn_url, "lookalike_api"), home))
    client = app.test_client()
    try:
        for path in (
            "/readyz",
            "/api/v1/items?q=dress",
            "/api/v1/items/10001",
            "/api/v1/items/10001/image",
            "/api/v1/items/10001/similar?gender=Men",
            "/api/v1/models",
            "/api/v1/stats",
            "/",
            "/items/10001",
            "/tray?like=10001",
            "/compare?a=10001&b=10002",
            "/duplicates",
            "/duplicates.csv",
            "/status",
        ):
            with client.get(path) as response:
                assert response.status_code == 200, path
        assert client.get("/api/v1/items/1/similar").status_code == 404
    finally:
        app.extensions["database"].close()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE items SET price = 0", "DELETE FROM embeddings", "DELETE FROM embedding_jobs"],
)
def test_the_api_writes_nothing(drawn_url: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(as_role(drawn_url, "lookalike_api"), statement)


@pytest.mark.slow
def test_the_jobs_run_as_the_workers_role(
    server: str, drawn_template: str, drawn_catalog: Path, tmp_path: Path, cli: Cli
) -> None:
    catalog = Path(shutil.copytree(drawn_catalog, tmp_path / "catalog"))
    shutil.copy(catalog / "images" / "10001.jpg", catalog / "images" / "10002.jpg")
    (catalog / "images" / "10003.jpg").write_bytes(b"not a photo")
    with clone(server, drawn_template) as url:
        worker = as_role(url, "lookalike_worker")
        for arguments in (
            ["ingest", catalog],
            ["embed"],
            ["jobs", "retry"],
            ["status"],
            ["evaluate"],
        ):
            done = cli(worker, *arguments)
            assert done.returncode == 0, done.stderr
        ((alike, failed),) = rows(
            as_role(url, ANALYST),
            "SELECT cosine_similarity(10001, 10002), failed + pending FROM embedding_progress",
        )
    assert alike == pytest.approx(1, abs=1e-3)
    assert failed == 1


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE items",
        "UPDATE embedding_models SET active = false",
        "CREATE OR REPLACE VIEW item_embeddings AS SELECT 1::bigint AS item_id",
        "DROP TABLE embeddings_1",
        "CALL grant_rights()",
    ],
)
def test_the_worker_changes_no_model(drawn_url: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(as_role(drawn_url, "lookalike_worker"), statement)


def test_where_nothing_is_public_the_roles_have_what_they_need(server: str, home: Path) -> None:
    with clone(server, "template1") as url:
        run(
            url,
            "CREATE EXTENSION vector",
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        )
        with open_database(settings_for(url, home)) as database:
            migrate.upgrade(database)
            for role in ROLES:
                assert rows(as_role(url, role), "SELECT * FROM similar_items(1)") == []
                refused = rows(
                    as_role(url, role),
                    "SELECT oid::regprocedure::text FROM pg_proc "
                    "WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' "
                    "AND NOT has_function_privilege(oid, 'EXECUTE')",
                )
                assert refused == []
            migrate.downgrade(database, "base")
            assert rows(url, HOLDINGS) == []


@pytest.fixture(scope="module")
def other_server() -> Iterator[str]:
    """URI of another cluster, in which nobody has made the roles yet."""
    # Not below pytest's own folder: its next session closes that to Postgres's user under root.
    with tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
        yield embedded.start(Path(folder))
        embedded.stop(Path(folder))


@pytest.fixture
def new_cluster(other_server: str) -> Iterator[str]:
    """The same, again without the roles."""
    yield other_server
    for (role,) in rows(other_server, KNOWN):
        run(other_server, f"DROP ROLE {role}")


def test_where_roles_are_refused_all_else_works(new_cluster: str, cli: Cli) -> None:
    owner = f"weak_{next(NUMBERS)}"
    with clone(new_cluster, "template1") as url:
        run(
            url,
            "CREATE EXTENSION vector",
            f"CREATE ROLE {owner} LOGIN",
            f"GRANT CREATE ON SCHEMA public TO {owner}",
        )
        theirs = as_role(url, owner)
        done = cli(theirs, "db", "upgrade")
        assert done.returncode == 0
        said = done.stderr.strip().splitlines()
        assert len(said) == len(ROLES)
        for role, line in zip(ROLES, said, strict=True):
            assert line.startswith(f"role {role} was not made (permission denied")
            assert f"CREATE ROLE {role} LOGIN" in line
            assert line.endswith("and then this schema's owner run lookalike db upgrade")
        assert rows(url, KNOWN) == []
        assert rows(theirs, "SELECT * FROM similar_items(1)") == []
        assert rows(theirs, "SELECT * FROM brand_neighbours") == []
        # The way out that the lines name.
        run(url, *(f"CREATE ROLE {role} LOGIN" for role in ROLES))
        mended = cli(theirs, "db", "upgrade")
        assert mended.returncode == 0
        assert "created its functions, views, indexes and rights again" in mended.stdout
        assert rows(as_role(url, ANALYST), "SELECT count(*) FROM items") == [(0,)]
        assert cli(theirs, "db", "downgrade", "--yes", "base").returncode == 0
        assert rows(url, HOLDINGS) == []
        run(url, f"DROP OWNED BY {owner}", f"DROP ROLE {owner}")


def test_an_owner_who_may_make_roles_needs_no_superuser(new_cluster: str, cli: Cli) -> None:
    owner = f"maker_{next(NUMBERS)}"
    with clone(new_cluster, "template1") as url:
        run(
            url,
            "CREATE EXTENSION vector",
            f"CREATE ROLE {owner} LOGIN CREATEROLE",
            f"GRANT CREATE ON SCHEMA public TO {owner}",
        )
        done = cli(as_role(url, owner), "db", "upgrade")
        assert (done.returncode, done.stderr) == (0, "")
        assert rows(as_role(url, ANALYST), "SHOW statement_timeout") == [("1min",)]
        for role in ROLES:
            run(url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")
        run(url, f"DROP OWNED BY {owner}", f"DROP ROLE {owner}")


def test_several_databases_at_once_share_the_roles(new_cluster: str, cli: Cli) -> None:
    with (
        clone(new_cluster, "template1") as first,
        clone(new_cluster, "template1") as second,
        clone(new_cluster, "template1") as third,
    ):
        urls = (first, second, third)
        with ThreadPoolExecutor(len(urls)) as pool:
            done = list(pool.map(lambda url: cli(url, "db", "upgrade"), urls))
        assert [(process.returncode, process.stderr) for process in done] == [(0, "")] * 3
        for url in urls:
            assert rows(as_role(url, ANALYST), "SELECT count(*) FROM items") == [(0,)]


def test_an_operators_settings_stay(new_cluster: str, home: Path) -> None:
    run(
        new_cluster,
        f"CREATE ROLE {ANALYST} LOGIN",
        f"ALTER ROLE {ANALYST} SET statement_timeout = '5min'",
    )
    with clone(new_cluster, "template1") as url:
        with open_database(settings_for(url, home)) as database:
            migrate.upgrade(database)
        analyst = as_role(url, ANALYST)
        assert rows(analyst, "SHOW statement_timeout") == [("5min",)]
        assert rows(analyst, "SHOW default_transaction_read_only") == [("on",)]
