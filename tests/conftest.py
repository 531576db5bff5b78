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
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import psycopg
import pytest
from flask.testing import FlaskClient
from psycopg import sql

from app.catalog.apply import apply_profile
from app.catalog.profile import DATASET, load_profile
from app.database import Database, embedded, open_database
from app.settings import Settings
from tests.support.commands import LOOKALIKE, Command, preload_keras, run_command
from tests.support.photo_server import PhotoServer, serving
from tests.support.templates import database_uri, kept_catalog, kept_template, make_template

if TYPE_CHECKING:  # TensorFlow is for the tests that embed
    from app.encoders.cache import EncoderCache

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
NUMBERS = count(1)

SLOW_FIXTURES = {"browser", "cluster", "keras", "live_server"}
"""Who uses one of these is marked slow without a word: TensorFlow, Ray, a browser, a web server."""

WHOLE_FILE_IS_SLOW = "\npytestmark = pytest.mark.slow"

BLOCKED = str(Path(__file__).parent / "support" / "blocked")
"""Stands before the real packages on the path while the slow tests are left out."""

EXPENDABLE = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
"""Settings of the server that the tests share. A database for each test is made and dropped in a
fraction of the time, since nothing is forced to the disk and there are few buffers to look through.
"""

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., Command]

hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis.settings.register_profile(
    "soak", derandomize=False, deadline=None, max_examples=1000, print_blob=True
)
hypothesis.settings.load_profile("fixed")


def leaves_out_slow(config: pytest.Config) -> bool:
    """Whether this is a run of the fast tests alone."""
    return bool(config.getoption("markexpr") == "not slow")


def pytest_configure(config: pytest.Config) -> None:
    """See to it that a fast test that lacks its mark fails, as does a process that it starts."""
    if leaves_out_slow(config) and BLOCKED not in sys.path:
        sys.path.insert(0, BLOCKED)
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([BLOCKED, before] if before else [BLOCKED])


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare a fast run what slow files import: Ray takes seconds."""
    if leaves_out_slow(config) and collection_path.name.startswith("test_"):
        return WHOLE_FILE_IS_SLOW in collection_path.read_text(encoding="utf-8") or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what uses a slow fixture."""
    for item in items:
        if SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Share the import of TensorFlow where slow tests are to run."""
    if any(item.get_closest_marker("slow") for item in session.items):
        preload_keras()


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
        with psycopg.connect(embedded.start(Path(folder)), autocommit=True) as connection:
            for name, value in EXPENDABLE.items():
                statement = sql.SQL("ALTER SYSTEM SET {} = {}")
                connection.execute(statement.format(sql.Identifier(name), value))
        embedded.stop(Path(folder))
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

    return make_template(server, "template_empty", declare)


@pytest.fixture(scope="session")
def bare_template(server: str) -> str:
    """Name of a database with the schema and without any attribute."""
    return make_template(server, "template_bare")


@pytest.fixture(scope="session")
def catalog_template(server: str, empty_template: str, home: Path, sample_catalog: Path) -> str:
    """Name of a database with the sample catalog, ingested and embedded by the real commands."""
    assert empty_template  # with it came the roles that a dump grants rights to

    def fill(url: str) -> None:
        run_unblocked(url, home, "ingest", str(sample_catalog))
        run_unblocked(url, home, "embed", LOOKALIKE_MODEL="compact")

    return kept_template(server, "template_catalog", sample_catalog, fill)


@pytest.fixture
def bare_url(server: str, bare_template: str) -> Iterator[str]:
    """URI of a database of the test's own: the schema without any attribute."""
    with clone(server, bare_template) as url:
        yield url


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
def sample_catalog() -> Path:
    """A small catalog: 150 real products where there are some, else the drawn ones.

    All processes and sessions share it, so a test that changes one works on a copy.
    """
    return kept_catalog(150, SHARED / "catalog" if (SHARED / "catalog").is_dir() else None)


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
        return run_command([*map(str, arguments)], cli_environment(url, home, **environment))

    return run


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start a command and don't wait for it: `start(url, "embed", LOOKALIKE_BATCH_SIZE="8")`."""
    with ExitStack() as started:

        def begin(url: str | None, *arguments: object, **environment: str) -> Command:
            command = Command([*map(str, arguments)], cli_environment(url, home, **environment))
            return started.enter_context(closing(command))

        yield begin


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
def web_server(url: str, home: Path, *, path: str = "/readyz", **environment: str) -> Iterator[str]:
    """Run a real gunicorn over a database, which stops at once; yields its base URL.

    It is yielded when it answers at a path.
    """
    assert BLOCKED not in sys.path, "mark this test with @pytest.mark.slow"
    port = free_port()
    settings = {"LOOKALIKE_DRAIN_SECONDS": "0", **environment}
    process = subprocess.Popen(
        [LOOKALIKE, "serve", "--port", str(port)], env=cli_environment(url, home, **settings)
    )
    try:
        yield wait_for(f"http://127.0.0.1:{port}", path)
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def client_of(
    url: str, home: Path, encoders: "EncoderCache | None" = None
) -> Iterator[FlaskClient]:
    """Make the application over a database, and a client of it without a server between."""
    from app.http import create_app  # Flask is for the tests that ask over HTTP

    app = create_app(settings_for(url, home), encoders=encoders)
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


def run_unblocked(url: str, home: Path, *arguments: str, **environment: str) -> None:
    """Run a command that has to succeed, with TensorFlow whichever tests are run."""
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    unblocked = os.pathsep.join(part for part in path if part not in ("", BLOCKED))
    subprocess.run(
        [LOOKALIKE, *arguments],
        env=cli_environment(url, home, **{"PYTHONPATH": unblocked, **environment}),
        check=True,
        timeout=300,
        stdout=subprocess.DEVNULL,
    )
