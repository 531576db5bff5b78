"""Catalogs, and databases that others are cloned from, kept from one session to the next.

Embedding the sample catalog starts TensorFlow. The first process that needs it does so and dumps
the database; the other processes of the session, and later sessions, restore the dump. Its name
holds a hash of all source that decides what is in it.
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
from filelock import FileLock
from psycopg import sql

from app.database import migrate, open_database
from app.database.embedded.files import binary
from app.settings import Settings
from worker.sample_catalog import draw_catalog

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".pytest_cache" / "lookalike"

SOURCES_OF_A_CATALOG = (
    "app/catalog",
    "app/database",
    "app/encoders",
    "app/models",
    "app/photos",
    "migrations",
    "worker/embedding",
    "worker/evaluation",
    "worker/ingest",
    "worker/sources",
    "constraints.txt",
)
"""What decides the content of a database that `ingest` and `embed` have filled."""

Fill = Callable[[str], None]


def digest_of(*paths: Path, also: str = "") -> str:
    """Return a short hash of files, of all files below folders, and of a text."""
    digest = hashlib.sha256(also.encode())
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"{file.relative_to(path.parent)}\n".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def kept_catalog(count: int, real: Path | None = None) -> Path:
    """Return a catalog that all processes and sessions share, made by the first that wants it.

    Args:
        count: of its products.
        real: take them from this catalog instead of drawing them, some of them without a photo.
    """
    made_of = real / "styles.csv" if real else ROOT / "worker" / "sample_catalog"
    folder = CACHE / f"catalog-{count}-{digest_of(made_of)}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "catalog.lock"):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as draft:
                if real:
                    without = count // 15
                    _copy_part(real, Path(draft) / "catalog", count - without, without)
                else:
                    draw_catalog(Path(draft) / "catalog", count)
                (Path(draft) / "catalog").rename(folder)
    return folder


def make_template(server: str, name: str, fill: Fill | None = None) -> str:
    """Make a database with the schema, and fill it.

    Args:
        server: URI of a database of the server.
        name: of the new database.
        fill: is given its URI.

    Returns:
        The name.
    """
    url = _create(server, name)
    with open_database(Settings(_env_file=None, database_url=url)) as database:
        migrate.upgrade(database)
    if fill is not None:
        fill(url)
    return name


def kept_template(server: str, name: str, catalog: Path, fill: Fill) -> str:
    """Make a database with a catalog, from the dump of an earlier one where there is one.

    Args:
        server: URI of a database of the server, on which the schema's roles exist.
        name: of the new database.
        catalog: the folder that it is filled from, in `CACHE`.
        fill: is given its URI if there is no dump; has to leave nothing running.

    Returns:
        The name.
    """
    sources = (ROOT / source for source in SOURCES_OF_A_CATALOG)
    key = digest_of(*(source for source in sources if source.exists()), also=str(catalog))
    CACHE.mkdir(parents=True, exist_ok=True)
    dump = CACHE / f"{name}-{key}.dump"
    with FileLock(CACHE / f"{name}.lock"):
        if dump.exists():
            restore(dump, _create(server, name))
        else:
            make_template(server, name, fill)
            for outdated in CACHE.glob(f"{name}-*.dump"):
                outdated.unlink()
            save(database_uri(server, name), dump)
    return name


def save(url: str, dump: Path) -> None:
    """Dump a database; the file appears when it is complete."""
    partial = dump.with_suffix(".partial")
    _run("pg_dump", "--format=custom", f"--file={partial}", url)
    partial.replace(dump)


def restore(dump: Path, url: str) -> None:
    """Restore a dump into an empty database."""
    _run("pg_restore", "--exit-on-error", f"--dbname={url}", str(dump))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def database_uri(server: str, name: str) -> str:
    """The URI of another database of the same server."""
    parts = {**psycopg.conninfo.conninfo_to_dict(server), "dbname": name}
    return f"postgresql://{parts['user']}@/{name}?host={parts['host']}"


def _create(server: str, name: str) -> str:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return database_uri(server, name)


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [binary(program), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


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
