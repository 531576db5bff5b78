"""The built package carries all that it needs, and runs from anywhere."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import cli_environment

ROOT = Path(__file__).parents[1]
FOLDERS = ("app", "worker", "migrations")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(folder / "site")
    return folder / "site"


def test_every_file_travels(unpacked: Path) -> None:
    files = {
        file.relative_to(ROOT)
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    travelled = {file.relative_to(unpacked) for file in unpacked.rglob("*") if file.is_file()}
    assert files - travelled == set()
    suffixes = {file.suffix for file in travelled}
    assert suffixes >= {".py", ".sql", ".h5", ".html", ".css", ".mako"}
    assert not {file.parts[0] for file in travelled} & {"tests", "benchmarks", "docs"}


@pytest.mark.slow
def test_it_runs_from_an_empty_folder(
    unpacked: Path, empty_url: str, home: Path, tmp_path: Path
) -> None:
    """Without the checkout on the path: schema, weights and SQL come out of the package."""
    environment = cli_environment(empty_url, home, PYTHONPATH=str(unpacked))
    where = "import app, worker, migrations; print(app.__file__, migrations.__path__[0])"
    for code in (where, "from worker.cli import main; main()"):
        for arguments in [[]] if code == where else [["db", "check"], ["models", "add", "compact"]]:
            done = subprocess.run(
                [sys.executable, "-c", code, *arguments],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            if code == where:
                assert all(path.startswith(str(unpacked)) for path in done.stdout.split())
    assert list(tmp_path.iterdir()) == []
