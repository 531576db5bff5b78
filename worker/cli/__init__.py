"""The command line, `lookalike`: one file for each command, imported when it is called."""

import errno
import importlib
import logging
import sys
import warnings
from contextlib import suppress

import click

from app import __version__, logs
from app.errors import LookalikeError

COMMANDS = {
    "catalog": "Inspect a source of products, and declare their attributes.",
    "db": "Migrate, check, open or stop the database.",
    "demo": "Draw a catalog or take yours, embed it, and serve it.",
    "embed": "Compute the vectors that photos lack.",
    "evaluate": "Measure how well nearest neighbours agree with the catalog's labels.",
    "ingest": "Read the products of a source into the database.",
    "items": "Delete stored products.",
    "jobs": "List the photos that are pending or failed, and retry them.",
    "keys": "Make, list and revoke the keys that requests to the API need.",
    "models": "Register, switch and drop embedding models.",
    "neighbours": "Store the nearest neighbours of every product.",
    "plot": "Draw pictures for a report: neighbours, precision, robustness.",
    "search": "Print the products that a text finds, by name and by look.",
    "serve": "Serve the HTTP API and the web pages.",
    "similar": "Print the products that look most like one.",
    "status": "Show the progress, speed and index of each model.",
    "train": "Train a model on a catalog's labels, and register it.",
}
"""The commands with their help, which is printed without importing any of them."""

RESUMABLE = ("demo", "embed", "ingest", "models", "train")
"""Commands that continue when they are run again after an interruption."""

OF_TARGETS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""Errors of a copy that concern its target, not its source."""


class LazyGroup(click.Group):
    """A group that imports its commands when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"worker.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' help without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lookalike")
def cli() -> None:
    """Find products that look alike, inside your own Postgres."""
    from app.settings import get_settings

    with suppress(LookalikeError):  # a wrong setting is told by the command that needs it
        logs.configure(get_settings().log_format)


def main() -> None:
    """Run the command line: exit code 0 done, 1 failed, 2 wrong usage; never a traceback."""
    # Pillow's are about metadata, such as damaged EXIF; what it can't decode is an error.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        # Otherwise Click would end the process itself, with words of its own for a Ctrl-C.
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LookalikeError as error:
        _fail(str(error))
    except click.Abort as error:
        # Click turns a Ctrl-C into this too, with that for its cause.
        interrupted = isinstance(error.__cause__, KeyboardInterrupt)
        _fail(_interruption() if interrupted else "nothing was changed")
    except KeyboardInterrupt:
        _fail(_interruption())
    except OSError as error:
        _fail(_describe_os_error(error))
    except Exception as error:
        from app.database.errors import is_database_error, map_database_error

        if not is_database_error(error):
            raise
        _fail(str(map_database_error(error)))


def _interruption() -> str:
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if command in RESUMABLE:
        return "interrupted; run the command again to go on"
    return "interrupted"


def _describe_os_error(error: OSError) -> str:
    """Name the file that an error is about, and what is wrong with it."""
    file = error.filename
    if error.errno in OF_TARGETS and error.filename2 is not None:
        file = error.filename2
    return ": ".join(str(part) for part in (file, error.strerror or error) if part)


def _fail(message: str) -> None:
    if logs.is_json():
        logs.log_event("failed", message, logging.ERROR)
    else:
        click.echo(f"lookalike: {message}", err=True)
    sys.exit(1)
