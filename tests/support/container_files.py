"""Dockerfile, .dockerignore and docker-compose.yml, read for the tests that look into them."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click
import yaml

from worker.cli import cli

Service = dict[str, Any]

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, Service] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "lookalike"]
VARIABLE = re.compile(r"\$\{(\w+):([-?])([^}]*)\}")
"""A variable that the operator may (`-`, then its default) or must (`?`) set."""
UNITS = {"kb": 2**10, "mb": 2**20, "gb": 2**30}


def _read_dockerfile() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line]


DOCKERFILE = _read_dockerfile()
"""Its instructions, in order: the name, and what follows it."""


def last(name: str) -> str:
    """Return what follows the last instruction of that name, which is the one that counts."""
    return [rest for instruction, rest in DOCKERFILE if instruction == name][-1]


def exec_form(text: str) -> list[str]:
    """Read a command that is written as a list; fail where it is left to a shell."""
    words = yaml.safe_load(text)
    assert isinstance(words, list)
    return words


def with_defaults(value: str) -> str:
    """Return a value of docker-compose.yml as it is where the operator has set nothing."""
    return VARIABLE.sub(lambda found: found[3] if found[2] == "-" else "", value)


def size_in_bytes(size: str) -> int:
    """Read a size as both Docker and Postgres write it."""
    found = re.fullmatch(r"(\d+)\s*([kmg]b)", size.lower())
    assert found is not None
    return int(found[1]) * UNITS[found[2]]


def arguments_of(service: Service) -> list[str]:
    """Return what a service hands to the program `lookalike`."""
    entrypoint: list[str] = service.get("entrypoint") or exec_form(last("ENTRYPOINT"))
    command: list[str] = service["command"]
    assert entrypoint[0] in PROJECT["scripts"]
    return entrypoint[1:] + command


def resolve(arguments: list[str]) -> click.Context:
    """Find the command and parse its options as the command line does; raise where it would."""
    command: click.Command = cli
    name, rest = "lookalike", arguments
    while isinstance(command, click.Group):
        name, *rest = rest
        found = command.get_command(click.Context(command), name)
        if found is None:
            raise click.UsageError(f"no such command: {name}")
        command = found
    return command.make_context(name, rest)


def server_settings() -> dict[str, str]:
    """Return the settings that the database is started with."""
    program, *flags = SERVICES["database"]["command"]
    assert program == "postgres"
    assert set(flags[::2]) == {"-c"}
    return dict(flag.split("=", 1) for flag in flags[1::2])


def mounts_of(service: Service) -> dict[str, tuple[str, bool]]:
    """Return what is mounted: target → source, and whether it is read-only."""
    mounts = {}
    for volume in service["volumes"]:
        if isinstance(volume, str):
            source, target, *mode = volume.split(":")
            mounts[target] = (source, mode == ["ro"])
        else:
            mounts[volume["target"]] = (volume["source"], volume.get("read_only", False))
    return mounts


def is_ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path from the builder: its last matching line decides."""
    ignored = False
    above = [part for part in (Path(path), *Path(path).parents) if part.name]
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.removeprefix("!")
        name = pattern.removeprefix("**/")
        parts = [part.name if name != pattern else str(part) for part in above]
        if any(fnmatch(part, name) for part in parts):
            ignored = pattern == line
    return ignored
