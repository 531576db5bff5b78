"""What may import what: the folders' promise, kept by a test."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("tensorflow", "keras", "jax", "torch")


def modules(file: Path) -> set[str]:
    """All modules that a file imports, anywhere in it, and the packages that they are in."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {
        ".".join(parts[:depth])
        for parts in (name.split(".") for name in found)
        for depth in range(1, len(parts) + 1)
    }


def imports(file: Path) -> set[str]:
    """The top-level packages that a file imports."""
    return {name for name in modules(file) if "." not in name}


def sources(folder: str) -> list[Path]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    return files


def test_app_never_imports_worker() -> None:
    assert [file for file in sources("app") if "worker" in imports(file)] == []


def test_revisions_import_neither() -> None:
    revisions = sources("migrations/versions")
    assert [file for file in revisions if imports(file) & {"app", "worker"}] == []


def test_photos_dont_import_encoders() -> None:
    assert [file for file in sources("app/photos") if "app.encoders" in modules(file)] == []


def test_tensorflow_is_imported_by_the_encoders_and_the_training_alone() -> None:
    users = [
        file.relative_to(ROOT)
        for folder in ("app", "worker", "migrations")
        for file in sources(folder)
        if imports(file) & set(HEAVY)
    ]
    allowed = (Path("app/encoders"), Path("worker/training"))
    assert [file for file in users if not any(file.is_relative_to(a) for a in allowed)] == []
    assert users


def test_environment_is_read_in_one_place() -> None:
    readers = [
        file.relative_to(ROOT)
        for folder in ("app", "worker", "migrations")
        for file in sources(folder)
        if any(
            isinstance(node, ast.Attribute)
            and node.attr in ("environ", "getenv")
            and ast.unparse(node.value) == "os"
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        )
    ]
    # The latter writes there what TensorFlow reads.
    assert set(readers) == {Path("app/settings.py"), Path("app/encoders/keras_import.py")}


@pytest.mark.parametrize(
    "code",
    [
        "from worker.cli import cli; cli(['--help'], standalone_mode=False)",
        "import app.http, app.search.similar, app.encoders.registry, app.photos.decode",
        "import worker.cli.similar, worker.cli.ingest, worker.cli.db, worker.cli.serve",
        "import worker.cli.embed, worker.cli.models, worker.cli.status, worker.cli.jobs",
        "from app.database import schema; schema.required()",
    ],
)
def test_only_vectors_need_tensorflow(code: str) -> None:
    check = (
        f"{code}\nimport sys\nheavy = set(sys.modules) & {set(HEAVY)!r}\nassert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_schema_files_say_what_they_hold() -> None:
    for file in sorted((ROOT / "migrations" / "sql").glob("*.sql")):
        first = file.read_text(encoding="utf-8").splitlines()[0]
        name = file.name.removesuffix(".sql")
        assert first.startswith(f"-- {name}: "), file
        assert len(first) > len(name) + 15, file


def test_each_statement_has_a_name_and_a_comment() -> None:
    files = [file for folder in ("app", "worker") for file in (ROOT / folder).rglob("*.sql")]
    assert files
    for file in files:
        assert file.name == "queries.sql", file
        _, *parts = re.split(r"^-- name: (\w+)$", file.read_text("utf-8"), flags=re.MULTILINE)
        assert parts, file
        assert len(set(parts[::2])) == len(parts[::2]), f"{file}: a name stands twice"
        for name, body in zip(parts[::2], parts[1::2], strict=True):
            assert body.lstrip("\n").startswith("-- "), f"{file}: {name} lacks its comment"


def test_ordinary_commands_need_neither_alembic_nor_sqlalchemy() -> None:
    code = (
        "import app.http, worker.cli.similar, worker.cli.embed, worker.cli.status\n"
        "import worker.cli.items, worker.cli.ingest, sys\n"
        "assert not {'alembic', 'sqlalchemy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
