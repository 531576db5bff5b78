"""The pages' worked examples: their commands print what the pages show.

`RENEW_EXAMPLES=1 pytest tests/test_worked_examples.py -n0` puts what they print now into the pages.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from app.database import embedded
from tests.conftest import cli_environment, clone, web_server
from tests.support.commands import LOOKALIKE, run_command
from tests.support.photo_server import serving
from tests.support.templates import kept_catalog
from tests.support.worked_examples import (
    ROOT,
    SITE,
    Example,
    agree,
    read_examples,
    renew,
    shown_lines,
    write_files,
)

pytestmark = pytest.mark.slow

PAGES = [ROOT / "README.md", ROOT / "docs" / "catalogs.md", ROOT / "docs" / "api.md"]
EXAMPLES = [
    (page, example)
    for page in PAGES
    for example in read_examples(page)
    if not example.steps[0].command.startswith("make")
]
BY_THEMSELVES = [(page, example) for page, example in EXAMPLES if example.files]
OF_THE_DEMO = [(page, example) for page, example in EXAMPLES if not example.files]
"""About the catalog that the demo draws; the first of them ingests it."""

API = "http://127.0.0.1:8000"
"""Where the pages say that `lookalike serve` answers."""

lacks_tools = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq are not installed"
)


class Shop(NamedTuple):
    """A database with the catalog of the demo, and a server over it."""

    environment: dict[str, str]
    base: str
    printed: list[str]
    """What the commands printed that filled it."""


@pytest.fixture(scope="module")
def demo(
    server: str, bare_template: str, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """A shop that the page's own commands have filled."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "catalog").symlink_to(kept_catalog(200))
    with clone(server, bare_template) as url:
        environment = environment_of(url, home)
        printed = run(OF_THE_DEMO[0][1], folder, environment, {})
        with web_server(url, home) as base:
            yield Shop(environment, base, printed)


@pytest.mark.parametrize(
    ("page", "example"), BY_THEMSELVES, ids=[f"{p.stem}: {e.title}" for p, e in BY_THEMSELVES]
)
def test_an_example_prints_what_its_page_shows(
    server: str, bare_template: str, home: Path, tmp_path: Path, page: Path, example: Example
) -> None:
    with clone(server, bare_template) as url, serving(tmp_path) as photos:
        write_files(example, tmp_path, photos.url)
        environment = environment_of(url, home)
        printed = run(example, tmp_path, environment, {photos.url: SITE})
    compare(page, example, printed)


@lacks_tools
@pytest.mark.parametrize(
    ("page", "example"), OF_THE_DEMO, ids=[f"{p.stem}: {e.title}" for p, e in OF_THE_DEMO]
)
def test_an_example_of_the_demo_prints_what_its_page_shows(
    demo: Shop, tmp_path: Path, page: Path, example: Example
) -> None:
    if example is OF_THE_DEMO[0][1]:
        printed = demo.printed
    else:
        printed = run(example, tmp_path, demo.environment, {demo.base: API})
    compare(page, example, printed)


def run(
    example: Example, folder: Path, environment: dict[str, str], shown: dict[str, str]
) -> list[str]:
    """Run an example's commands in a folder, and return what each prints.

    Args:
        example: whose files are in the folder.
        folder: to run them in.
        environment: of the commands.
        shown: by an address of this test, the one that the page shows.
    """
    outputs = []
    for step in example.steps:
        command, printed = step.command, ""
        for real, page in shown.items():
            command = command.replace(page, real)
        printed = run_typed(command, folder, environment)
        for real, page in shown.items():
            printed = printed.replace(real, page)
        outputs.append(shown_lines(printed))
    return outputs


def compare(page: Path, example: Example, printed: list[str]) -> None:
    """Fail where commands printed something else than the page shows."""
    if os.environ.get("RENEW_EXAMPLES"):
        renew(page, example, printed)
    for step, output in zip(example.steps, printed, strict=True):
        assert agree(output, step.output), f"{step.command} prints:\n{output}"


def environment_of(url: str, home: Path) -> dict[str, str]:
    """The environment of a command: the programs of this checkout and of the embedded server."""
    folders = [LOOKALIKE.parent, embedded.binary("psql").parent, os.environ["PATH"]]
    path = os.pathsep.join(map(str, folders))
    return cli_environment(url, home, LOOKALIKE_ALLOW_PRIVATE_ADDRESSES="true", PATH=path)


def run_typed(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Run what a person types, and return what the terminal shows."""
    words = shlex.split(command)
    if words[0] == "lookalike" and not re.search(r"[|>&]", command):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            return run_command(words[1:], environment, merged=True).stdout
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    return done.stdout
