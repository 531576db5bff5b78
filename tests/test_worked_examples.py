"""The pages' worked examples: their commands print what the pages show.

`RENEW_EXAMPLES=1 pytest tests/test_worked_examples.py -n0` puts what they print now into the pages.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.database import embedded
from tests.conftest import LOOKALIKE, cli_environment, clone
from tests.support.commands import run_command
from tests.support.photo_server import PhotoServer, serving
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

PAGES = [ROOT / "README.md", ROOT / "docs" / "catalogs.md"]
EXAMPLES = [(page, example) for page in PAGES for example in read_examples(page)]

PSQL = embedded.binary("psql")

RunExample = Callable[[Example], list[str]]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[PhotoServer]:
    """The server that takes the place of SITE; it serves the folder of the example."""
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def run_example(
    server: str,
    bare_template: str,
    home: Path,
    tmp_path: Path,
    served: PhotoServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RunExample]:
    """Run an example in a folder and on a database of its own, and return what it prints."""
    monkeypatch.chdir(tmp_path)
    with clone(server, bare_template) as url:
        path = os.pathsep.join(map(str, [LOOKALIKE.parent, PSQL.parent, os.environ["PATH"]]))
        environment = cli_environment(
            url, home, LOOKALIKE_ALLOW_PRIVATE_ADDRESSES="true", PATH=path
        )

        def run(example: Example) -> list[str]:
            write_files(example, tmp_path, served.url)
            outputs = []
            for step in example.steps:
                printed = run_typed(step.command, environment)
                outputs.append(shown_lines(printed.replace(served.url, SITE)))
            return outputs

        yield run


@pytest.mark.parametrize(
    ("page", "example"), EXAMPLES, ids=[f"{p.stem}: {e.title}" for p, e in EXAMPLES]
)
def test_an_example_prints_what_its_page_shows(
    run_example: RunExample, page: Path, example: Example
) -> None:
    printed = run_example(example)
    if os.environ.get("RENEW_EXAMPLES"):
        renew(page, example, printed)
    for step, output in zip(example.steps, printed, strict=True):
        assert agree(output, step.output), f"{step.command} prints:\n{output}"


def run_typed(command: str, environment: dict[str, str]) -> str:
    """Run what a person types, and return what the terminal shows."""
    words = shlex.split(command)
    if words[0] == "lookalike" and not re.search(r"[|>&]", command):
        return run_command(LOOKALIKE, words[1:], environment, merged=True).stdout
    done = subprocess.run(
        ["bash", "-c", command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    return done.stdout
