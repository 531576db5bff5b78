"""What the container files promise, resolved against the program and the package."""

import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

import click
import psycopg
import pytest
from packaging.specifiers import SpecifierSet

from app.settings import Settings
from tests.support.container_files import (
    COMPOSE,
    COMPOSE_TEXT,
    DOCKERFILE,
    OURS,
    PROJECT,
    ROOT,
    SERVICES,
    VARIABLE,
    arguments_of,
    exec_form,
    is_ignored,
    last,
    mounts_of,
    resolve,
    server_settings,
    size_in_bytes,
    with_defaults,
)


def test_database_is_postgres_18_with_a_sound_pgvector() -> None:
    found = re.fullmatch(r"pgvector/pgvector:0\.8\.(\d+)-pg18", SERVICES["database"]["image"])
    assert found is not None
    assert int(found[1]) >= 4  # earlier ones overflow in a parallel build


def test_shared_memory_holds_a_parallel_index_build() -> None:
    shared = size_in_bytes(with_defaults(SERVICES["database"]["shm_size"]))
    memory = size_in_bytes(server_settings()["maintenance_work_mem"])
    assert shared >= memory > size_in_bytes("64MB")  # which both Docker and Postgres start with


def test_server_knows_the_settings_it_is_started_with(server: str) -> None:
    names = list(server_settings())
    with psycopg.connect(server) as connection:
        known = connection.execute("SELECT name FROM pg_settings WHERE name = ANY(%s)", [names])
        assert sorted(name for (name,) in known) == sorted(names)


@pytest.mark.parametrize("name", OURS)
def test_command_exists(name: str) -> None:
    assert resolve(arguments_of(SERVICES[name])).command.callback is not None


@pytest.mark.parametrize("arguments", [["nosuch"], ["embed", "--nosuch"], ["ingest"]])
def test_command_that_does_not_exist_is_told(arguments: list[str]) -> None:
    with pytest.raises(click.UsageError):
        resolve(arguments)


def test_services_do_what_their_names_say() -> None:
    contexts = {name: resolve(arguments_of(SERVICES[name])) for name in OURS}
    paths = {name: context.info_name for name, context in contexts.items()}
    assert paths == {"migrate": "upgrade", "api": "serve", "worker": "embed", "ingest": "ingest"}
    assert contexts["worker"].params["follow"] is True
    assert contexts["ingest"].params["source"] == "/catalog"


def test_api_is_published_on_this_machine_alone_and_checked_where_it_listens() -> None:
    serve = resolve(arguments_of(SERVICES["api"])).params
    assert serve["host"] == "0.0.0.0"  # noqa: S104 - the container's own network
    (port,) = SERVICES["api"]["ports"]
    assert with_defaults(port) == f"127.0.0.1:8000:{serve['port']}"
    (check,) = SERVICES["api"]["healthcheck"]["test"][3:]
    assert f"'127.0.0.1', {serve['port']}" in check
    assert last("EXPOSE") == str(serve["port"])


def test_every_service_that_stays_is_checked_and_restarted() -> None:
    once = {"migrate", "ingest"}
    for name, service in SERVICES.items():
        if name in once:
            assert (service["healthcheck"], service["restart"]) == ({"disable": True}, "no")
        else:
            assert service["healthcheck"]["test"][0] == "CMD"
            assert service["restart"] == "unless-stopped"
    assert SERVICES["database"]["healthcheck"]["test"][1] == "pg_isready"
    assert SERVICES["ingest"]["profiles"], "`up` would ingest at every start"


def test_nobody_starts_before_the_schema_is_there() -> None:
    healthy = {"database": {"condition": "service_healthy"}}
    migrated = {**healthy, "migrate": {"condition": "service_completed_successfully"}}
    waits = {name: SERVICES[name]["depends_on"] for name in OURS}
    assert waits == {"migrate": healthy, "api": migrated, "worker": migrated, "ingest": migrated}


def test_named_volumes_are_declared_and_used() -> None:
    named = {
        source
        for service in SERVICES.values()
        for source, _ in mounts_of(service).values()
        if source.isidentifier()
    }
    assert named == set(COMPOSE["volumes"])
    # Postgres 18 images refuse a volume at the old place, /var/lib/postgresql/data.
    assert mounts_of(SERVICES["database"]) == {"/var/lib/postgresql": ("database", False)}


@pytest.mark.parametrize("name", OURS)
def test_photos_and_weights_are_where_the_program_looks(name: str) -> None:
    environment, mounts = SERVICES[name]["environment"], mounts_of(SERVICES[name])
    source, read_only = mounts[environment["LOOKALIKE_IMAGES"]]
    assert read_only
    assert source.startswith("${LOOKALIKE_CATALOG:?")
    assert mounts[environment["LOOKALIKE_HOME"]][0] == "home"
    assert f"LOOKALIKE_HOME={environment['LOOKALIKE_HOME']} " in last("ENV")


@pytest.mark.parametrize("name", OURS)
def test_container_can_change_nothing_but_its_volumes(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_no_secret_has_a_value() -> None:
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{POSTGRES_PASSWORD:\?.+\}", value)
            assert not re.search(r"://[^/@]*:[^/@]*@", value or ""), "a password in a URI"
    assert not re.search(r"PASSWORD|SECRET|TOKEN", (ROOT / "Dockerfile").read_text("utf-8"))
    assert "\nPOSTGRES_PASSWORD=\n" in (ROOT / ".env.example").read_text("utf-8")


def _environment_names() -> dict[str, str]:
    """Environment name → name of the setting."""
    return {
        str(field.validation_alias or f"LOOKALIKE_{name.upper()}"): name
        for name, field in Settings.model_fields.items()
    }


@pytest.mark.parametrize("name", OURS)
def test_every_setting_reaches_the_container(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert set(environment) - {"PGPASSWORD"} == set(_environment_names())
    ours = {"DATABASE_URL", "LOOKALIKE_HOME", "LOOKALIKE_IMAGES", "PGPASSWORD"}
    assert {name for name, value in environment.items() if value is not None} == ours


def test_env_example_lists_every_setting_with_its_default_and_its_description() -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    listed = {
        name: (comment, value)
        for comment, name, value in re.findall(r"^# (.+)\n#?([A-Z_]+)=(.*)$", text, re.MULTILINE)
    }
    assert len(listed) == len(re.findall(r"^#?\w+=", text, re.MULTILINE)), "a comment is missing"
    for name, setting in _environment_names().items():
        field = Settings.model_fields[setting]
        default = "" if field.default_factory or field.default is None else str(field.default)
        assert listed.pop(name) == (field.description, default)
    variables = {name: value for name, kind, value in VARIABLE.findall(COMPOSE_TEXT) if kind == "-"}
    required = {name: "" for name, kind, _ in VARIABLE.findall(COMPOSE_TEXT) if kind == "?"}
    assert {name: value for name, (_, value) in listed.items()} == variables | required


def test_image_has_a_python_that_the_package_allows() -> None:
    stages = [rest for instruction, rest in DOCKERFILE if instruction == "FROM"]
    versions = {re.match(r"python:(\d+\.\d+)-slim-bookworm\b", stage)[1] for stage in stages}  # type: ignore[index]
    (version,) = versions  # the environment built with one would not run with another
    assert version in SpecifierSet(PROJECT["requires-python"])


def test_image_runs_the_program_as_somebody_who_is_not_root() -> None:
    names = [instruction for instruction, _ in DOCKERFILE]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last("USER"))
    assert "RUN" not in names[names.index("USER") :]
    assert exec_form(last("ENTRYPOINT")) == ["lookalike"]
    assert resolve(exec_form(last("CMD"))).info_name == "serve"
    assert last("STOPSIGNAL") == "SIGTERM"
    check = exec_form(last("HEALTHCHECK").split("CMD", 1)[1])
    assert ["CMD", *check] == SERVICES["api"]["healthcheck"]["test"]


def test_image_is_made_of_files_that_are_there_and_reach_the_builder() -> None:
    copies = [rest.split() for name, rest in DOCKERFILE if name == "COPY" and "--from" not in rest]
    sources = [source for *some, _ in copies for source in some]
    assert {"app", "worker", "migrations", "pyproject.toml", "constraints.txt"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if is_ignored(source)] == []
    assert not is_ignored("app/encoders/photo.py")


@pytest.mark.parametrize(
    "path",
    [".git/config", ".venv/bin/python", ".env", ".demo/x", "tests/data/1.jpg", "app/__pycache__/x"],
)
def test_builder_does_not_get(path: str) -> None:
    assert is_ignored(path)


def _compose(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in os.environ
    }
    return subprocess.run(
        ["docker", "compose", "--env-file", os.devnull, "--profile", "ingest", *arguments],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def compose() -> None:
    """Skip where there is no Docker Compose."""
    if shutil.which("docker") is None or _compose("version").returncode:
        pytest.skip("docker compose is not installed here")


@pytest.mark.usefixtures("compose")
def test_docker_compose_takes_the_file(tmp_path: Path) -> None:
    given = {"POSTGRES_PASSWORD": secrets.token_hex(16), "LOOKALIKE_CATALOG": str(tmp_path)}
    done = _compose("config", "--quiet", **given)
    assert (done.returncode, done.stderr) == (0, "")
    for missing in given:
        done = _compose("config", "--quiet", **(given | {missing: ""}))
        assert done.returncode != 0
        assert missing in done.stderr
