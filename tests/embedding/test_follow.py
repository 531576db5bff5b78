"""`lookalike embed --follow`: waits for the next ingest, embeds it, and ends when it is told to."""

import signal
from pathlib import Path

from tests.conftest import Cli
from tests.support.commands import Start, end, execute, wait_until
from tests.support.vectors import assert_complete, vectors
from worker.ingest.ingest import CHANNEL

IDLE = (
    "SELECT pid FROM pg_stat_activity "
    f"WHERE datname = current_database() AND query = 'LISTEN {CHANNEL}' AND state = 'idle'"
)
NEW = 999_999_999


def add_product(catalog: Path, item_id: int) -> None:
    """Add a product that looks like the catalog's first; its photo is another file."""
    styles = catalog / "styles.csv"
    lines = styles.read_text(encoding="utf-8").splitlines(keepends=True)
    _, comma, rest = lines[1].partition(",")
    styles.write_text("".join([*lines, f"{item_id}{comma}{rest}"]), encoding="utf-8")
    photo = next(iter(sorted((catalog / "images").glob("*.jpg"))))
    photo.with_name(f"{item_id}.jpg").write_bytes(photo.read_bytes() + item_id.to_bytes(8))


def test_follow(catalog_url: str, cli: Cli, catalog: Path, start: Start) -> None:
    url = catalog_url
    before = vectors(url)
    follower = start(url, "embed", "--follow")
    wait_until(lambda: execute(url, IDLE))

    add_product(catalog, NEW)
    assert cli(url, "ingest", catalog).returncode == 0
    wait_until(lambda: NEW in vectors(url))

    # The server shuts its connections, as when it restarts; an ingest before it is back counts.
    wait_until(lambda: execute(url, IDLE))
    execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    add_product(catalog, NEW + 1)
    assert cli(url, "ingest", catalog).returncode == 0
    wait_until(lambda: NEW + 1 in vectors(url))
    wait_until(lambda: execute(url, IDLE))

    code, output, errors = end(follower, signal.SIGTERM)
    assert code == 0, errors
    assert output.count("compact: 1 embedded, 0 failed") == 2
    assert errors.count("the database failed") == 1
    assert "Traceback" not in errors
    assert_complete(url)
    assert all(vectors(url)[item].embedded_at == before[item].embedded_at for item in before)
