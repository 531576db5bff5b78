"""Running the command line: each command is a process, forked from one that has it imported.

An interpreter of its own would spend a second on imports each time, more than most commands take.
"""

import atexit
import contextlib
import importlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

TIMEOUT = 300.0
"""Seconds after which a command is taken for stuck, and killed."""

PRELOADED = (
    "worker.cli",
    "worker.cli.db",
    "worker.cli.ingest",
    "worker.cli.jobs",
    "worker.cli.models",
    "worker.cli.similar",
    "worker.cli.status",
)

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["__main__", "tests.support.preloaded"])

Completed = subprocess.CompletedProcess[str]


def preload() -> None:
    """Import what most commands need; called once, in the process that they are forked from."""
    for module in PRELOADED:
        importlib.import_module(module)


def run_command(
    program: Path, arguments: list[str], environment: dict[str, str], *, merged: bool = False
) -> Completed:
    """Run a command to its end, as `subprocess.run` with `capture_output` would.

    Args:
        program: what the command is to see as its own name.
        arguments: of the command line.
        environment: all of the command's variables; those that Python itself reads at its start
            have no effect, but for `PYTHONWARNINGS=default`.
        merged: standard error goes where standard output does, as on a terminal.

    Raises:
        subprocess.TimeoutExpired: it was not done after `TIMEOUT`.
    """
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _context.Process(
            target=_run,
            args=([str(program), *arguments], environment, Path.cwd(), *outputs, merged),
        )
        process.start()
        process.join(TIMEOUT)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(arguments, TIMEOUT)
        output, errors = (file.read_text(encoding="utf-8") for file in outputs)
        return Completed(arguments, process.exitcode, output, errors)


def _run(
    arguments: list[str],
    environment: dict[str, str],
    folder: Path,
    stdout: Path,
    stderr: Path,
    merged: bool,
) -> None:
    with stdout.open("wb") as out, stderr.open("wb") as err:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno() if merged else err.fileno(), 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    if environment.get("PYTHONWARNINGS") == "default":
        warnings.resetwarnings()
        warnings.simplefilter("default")
    with _ended_like_a_program():
        from worker.cli import main

        main()


@contextlib.contextmanager
def _ended_like_a_program() -> Iterator[None]:
    """Do at the end what multiprocessing leaves out: the hook of what nobody caught, and atexit."""
    try:
        yield
    except Exception:
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
    finally:
        atexit._run_exitfuncs()
