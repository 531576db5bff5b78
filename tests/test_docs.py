"""The words: every command, endpoint and setting is explained."""

import re
from pathlib import Path

import click
import pytest
from flask.testing import FlaskClient

from worker.cli import cli

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(group: click.Group, path: str) -> dict[str, click.Command]:
    """All commands below a group, by what a person types."""
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= commands(command, f"{path} {name}")
        else:
            found[f"{path} {name}"] = command
    return found


COMMANDS = commands(cli, "lookalike")


@pytest.mark.parametrize("typed", COMMANDS)
def test_every_command_has_help_and_stands_in_the_docs(typed: str) -> None:
    command = COMMANDS[typed]
    assert command.help
    assert command.help.strip().splitlines()[0].endswith(".")
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help or parameter.show_default, f"{typed} {parameter.opts}"
    row = f"`{' '.join(typed.split()[:2])}"
    operations = text("docs/operations.md")
    assert row in operations
    assert re.search(rf"\b{typed.split()[-1]}\b", operations)


def test_every_endpoint_stands_in_the_docs(client: FlaskClient) -> None:
    api = text("docs/api.md")
    for path in client.get("/openapi.json").get_json()["paths"]:
        assert path in api, path


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_nothing_unfinished_is_in_the_words() -> None:
    for page in PAGES:
        words = page.read_text(encoding="utf-8")
        assert "@@" not in words, page
        assert not re.search(r"\b(TODO|FIXME|TBD)\b", words), page
