"""Real parts for the tests: a Postgres with pgvector, photos, a command line, a web server."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient
from psycopg import sql

from app.catalog.apply import apply_profile
from app.catalog.profile import DATASET, load_profile
from app.database import Database, embedded, open_database, schema
from app.http import create_app
from app.settings import Settings
from tests.support.photo_server import PhotoServer, serving
from worker.sample_catalog import draw_catalog

SHARED = Path(__file__).parents[2] / "shared"
LOOKALIKE = Path(sys.executable).with_name("lookalike")
NUMBERS = count(1)

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> None:
    """Let no setting of the person who runs the tests reach them."""
    for name in list(os.environ):
        if name == "DATABASE_URL" or name.startswith("LOOKALIKE_"):
            del os.environ[name]


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A LOOKALIKE_HOME with an embedded server that all tests share."""
    # Not below pytest's own folder: its next session closes that to Postgres's user under root.
    with tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
        embedded.start(Path(folder))
        yield Path(folder)
        embedded.stop(Path(folder))


@pytest.fixture(scope="session")
def server(home: Path) -> str:
    """URI of a database on the shared server from which others are made."""
    return embedded.start(home)


@pytest.fixture(scope="session")
def empty_template(server: str) -> str:
    """Name of a database with the schema, the attributes of the dataset, and nothing in it."""

    def declare(url: str) -> None:
        with psycopg.connect(url) as connection:
            apply_profile(connection, load_profile(DATASET))

    return _make_template(server, "template_empty", declare)


@pytest.fixture(scope="session")
def catalog_template(server: str, home: Path, sample_catalog: Path) -> str:
    """Name of a database with the sample catalog, ingested and embedded by the real commands."""

    def fill(url: str) -> None:
        for arguments in (["ingest", str(sample_catalog)], ["models", "add", "compact"], ["embed"]):
            done = _run_cli(url, home, *arguments)
            assert done.returncode == 0, done.stderr

    return _make_template(server, "template_catalog", fill)


@pytest.fixture
def empty_url(server: str, empty_template: str) -> Iterator[str]:
    """URI of a database of the test's own: the schema, and nothing in it."""
    with clone(server, empty_template) as url:
        yield url


@pytest.fixture
def catalog_url(server: str, catalog_template: str) -> Iterator[str]:
    """URI of a database of the test's own: the sample catalog, embedded by `compact`."""
    with clone(server, catalog_template) as url:
        yield url


@pytest.fixture
def empty_database(empty_url: str, home: Path) -> Iterator[Database]:
    """The open database of `empty_url`."""
    with open_database(settings_for(empty_url, home)) as database:
        yield database


@pytest.fixture
def catalog_database(catalog_url: str, home: Path) -> Iterator[Database]:
    """The open database of `catalog_url`."""
    with open_database(settings_for(catalog_url, home)) as database:
        yield database


@pytest.fixture(scope="session")
def sample_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small catalog: 150 real products where there are some, else the drawn ones."""
    folder = tmp_path_factory.mktemp("catalog") / "sample"
    if (SHARED / "catalog").is_dir():
        _copy_part(SHARED / "catalog", folder, with_photo=140, without=10)
    else:
        draw_catalog(folder, 150)
    return folder


@pytest.fixture(scope="session")
def photo_count(sample_catalog: Path) -> int:
    """How many products of the sample catalog have a photo."""
    return len(list((sample_catalog / "images").iterdir()))


@pytest.fixture(scope="session")
def shared_catalog() -> Path:
    """The whole real catalog; the test is skipped where it is not beside the checkout."""
    if not (SHARED / "catalog").is_dir():
        pytest.skip("the real catalog is not beside this checkout")
    return SHARED / "catalog"


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Real ImageNet weights of mobilenet_v2; skipped where they are not beside the checkout."""
    file = SHARED / "weights" / "mobilenet_v2_imagenet_notop.weights.h5"
    if not file.is_file():
        pytest.skip("the ImageNet weights are not beside this checkout")
    return file


@pytest.fixture
def cli(home: Path) -> Cli:
    """Run the command line: `cli(url, "ingest", folder)`."""

    def run(
        url: str | None, *arguments: object, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        return _run_cli(url, home, *map(str, arguments), **environment)

    return run


@pytest.fixture
def photo_server(sample_catalog: Path, tmp_path: Path) -> Iterator[PhotoServer]:
    """A web server with the photos of the sample catalog; a test may spoil them."""
    shutil.copytree(sample_catalog / "images", tmp_path / "served" / "images")
    with serving(tmp_path / "served") as running:
        yield running


@pytest.fixture
def client(catalog_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client of the application over `catalog_url`, without a server between."""
    with client_of(catalog_url, home) as found:
        yield found


@pytest.fixture
def live_server(catalog_url: str, home: Path) -> Iterator[str]:
    """Base URL of a real gunicorn over `catalog_url`."""
    with web_server(catalog_url, home) as base:
        yield base


@contextmanager
def web_server(url: str, home: Path) -> Iterator[str]:
    """Run a real gunicorn over a database; yields its base URL."""
    port = free_port()
    process = subprocess.Popen(
        [LOOKALIKE, "serve", "--port", str(port)], env=cli_environment(url, home)
    )
    try:
        yield wait_for(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def client_of(url: str, home: Path) -> Iterator[FlaskClient]:
    """Make the application over a database, and a client of it without a server between."""
    app = create_app(settings_for(url, home))
    yield app.test_client()
    app.extensions["database"].close()


def settings_for(url: str, home: Path) -> Settings:
    """The settings of a database of a test."""
    return Settings(_env_file=None, database_url=url, home=home)


def cli_environment(url: str | None, home: Path, **extra: str) -> dict[str, str]:
    """The environment of a command of a test; without a URL it uses the server of `home`."""
    environment = {**os.environ, "LOOKALIKE_HOME": str(home), "PYTHONWARNINGS": "default", **extra}
    if url is not None:
        environment["DATABASE_URL"] = url
    return environment


@contextmanager
def clone(server: str, template: str) -> Iterator[str]:
    """Make a database from a template, and drop it at the end of the block."""
    name = f"test_{next(NUMBERS)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield database_uri(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


def database_uri(server: str, name: str) -> str:
    """The URI of another database of the same server."""
    known = {**psycopg.conninfo.conninfo_to_dict(server), "dbname": name}
    return f"postgresql://{known['user']}@/{name}?host={known['host']}"


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(base: str, path: str = "/readyz", seconds: float = 60) -> str:
    """Return a server's base URL once it answers."""
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(base + path, timeout=5):  # noqa: S310
                return base
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _make_template(server: str, name: str, fill: Callable[[str], None]) -> str:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = database_uri(server, name)
    with open_database(Settings(_env_file=None, database_url=url)) as database:
        schema.upgrade(database)
    fill(url)
    return name


def _run_cli(
    url: str | None, home: Path, *arguments: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [LOOKALIKE, *arguments],
        env=cli_environment(url, home, **environment),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _copy_part(source: Path, target: Path, with_photo: int, without: int) -> None:
    """Copy the first products of a catalog: so many with a photo, so many without."""
    (target / "images").mkdir(parents=True)
    (target / "styles").mkdir()
    wanted = {True: with_photo, False: without}
    with (source / "styles.csv").open(encoding="utf-8") as rows:
        lines = [next(rows)]
        for line in rows:
            name = line.partition(",")[0]
            photo = source / "images" / f"{name}.jpg"
            has_photo = photo.exists()
            if not wanted[has_photo]:
                continue
            wanted[has_photo] -= 1
            lines.append(line)
            if has_photo:
                shutil.copyfile(photo, target / "images" / photo.name)
            metadata = source / "styles" / f"{name}.json"
            if metadata.exists():
                shutil.copyfile(metadata, target / "styles" / metadata.name)
            if not any(wanted.values()):
                break
    (target / "styles.csv").write_text("".join(lines), encoding="utf-8")
