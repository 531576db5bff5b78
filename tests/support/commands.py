"""Running the command line: each command is a process, forked from one that has it imported.

An interpreter of its own would spend a second on imports each time, more than most commands take,
and four seconds with TensorFlow. Tests of what Python itself reads at its start use `run_apart`.
"""

import atexit
import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

LOOKALIKE = Path(sys.executable).with_name("lookalike")

TIMEOUT = 300.0
"""Seconds after which a command is taken for stuck, and killed."""

PRELOADED = (
    "__main__",
    "worker.cli",
    "worker.cli.db",
    "worker.cli.ingest",
    "worker.cli.jobs",
    "worker.cli.models",
    "worker.cli.similar",
    "worker.cli.status",
)

PRELOADED_WITH_KERAS = (
    "tests.support.preloaded",
    "app.encoders.encoder",
    "worker.embedding.engines.local",
    "worker.embedding.run",
    "worker.evaluation.run",
    "worker.training.command",
)

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([*PRELOADED])

Completed = subprocess.CompletedProcess[str]


class Command:
    """A running command: the part of `subprocess.Popen` that tests use, with pipes of text."""

    def __init__(
        self, arguments: list[str], environment: dict[str, str], *, merged: bool = False
    ) -> None:
        self.args = arguments
        self.stdout, out = _pipe()
        self.stderr: TextIO
        self.stderr, err = (io.StringIO(), out) if merged else _pipe()
        self._process = _context.Process(
            target=_run, args=([str(LOOKALIKE), *arguments], environment, Path.cwd(), out, err)
        )
        self._process.start()
        for end in {out, err}:
            end.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return the exit code.

        Raises:
            subprocess.TimeoutExpired: it was not done after so many seconds.
        """
        self._process.join(timeout)
        if self.returncode is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end, and return what is left of output and error output.

        Raises:
            subprocess.TimeoutExpired: it was not done after so many seconds; it is killed then.
        """
        with ThreadPoolExecutor(2) as readers, self.stdout, self.stderr:
            left = [readers.submit(stream.read) for stream in (self.stdout, self.stderr)]
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            output, errors = (reading.result() for reading in left)
        return output, errors

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Kill it, and close the pipes."""
        self.kill()
        self.wait()
        self.stdout.close()
        self.stderr.close()


def preload_keras() -> None:
    """Have TensorFlow imported by the process that commands are forked from, not by each of them.

    Has no effect once a command has run.
    """
    _context.set_forkserver_preload([*PRELOADED, *PRELOADED_WITH_KERAS])


def run_command(
    arguments: list[str], environment: dict[str, str], *, merged: bool = False
) -> Completed:
    """Run a command to its end, as `subprocess.run` with `capture_output` would.

    Args:
        arguments: of the command line.
        environment: all of the command's variables; those that Python itself and TensorFlow read
            at their start have no effect, but for `PYTHONWARNINGS=default`.
        merged: standard error goes where standard output does, as on a terminal.

    Raises:
        subprocess.TimeoutExpired: it was not done after `TIMEOUT`.
    """
    command = Command(arguments, environment, merged=merged)
    output, errors = command.communicate(TIMEOUT)
    assert command.returncode is not None
    return Completed(arguments, command.returncode, output, errors)


def run_apart(arguments: list[str], environment: dict[str, str]) -> Completed:
    """Run a command with an interpreter of its own, which reads all of the environment."""
    return subprocess.run(
        [LOOKALIKE, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


def _pipe() -> tuple[TextIO, Connection]:
    """Make a pipe: the end to read text from, and the end for another process to write to."""
    reader, writer = _context.Pipe(duplex=False)
    with reader:
        return os.fdopen(os.dup(reader.fileno()), encoding="utf-8"), writer


def _run(
    arguments: list[str],
    environment: dict[str, str],
    folder: Path,
    out: Connection,
    err: Connection,
) -> None:
    for number, end in enumerate((out, err), start=1):
        os.dup2(end.fileno(), number)
    out.close()
    err.close()
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
