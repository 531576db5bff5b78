"""A process that has TensorFlow imported and forks workers, which are at work within a second.

Each line of its standard input is a name, under which the database knows a new worker; the answer
is that worker's process id. The environment is the one of `lookalike embed`.
"""

import os
import signal
import sys

import worker.embedding.run  # noqa: F401 - imported here so that no worker has to
from app.encoders.keras_import import load_keras
from worker.cli import main


def fork_workers() -> None:
    load_keras()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for line in sys.stdin:
        process_id = os.fork()
        if not process_id:
            work(line.strip())
        sys.stdout.write(f"{process_id}\n")
        sys.stdout.flush()


def work(name: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ["PGAPPNAME"] = name
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.argv = ["lookalike", "embed"]
    main()


if __name__ == "__main__":
    fork_workers()
