"""Making and saving a picture: the only place that imports matplotlib."""

import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import LookalikeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf", ".jpg")
"""The formats that a picture can be saved in."""


def require_target(file: Path) -> None:
    """Check, before any work, that a picture can be drawn and saved.

    Raises:
        LookalikeError: matplotlib is missing, the file has an unknown ending, or its folder is
            missing or can't be written to.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise LookalikeError(
            "pictures need one more package: pip install 'lookalike[plot]'"
        ) from None
    if file.suffix.lower() not in ENDINGS:
        raise LookalikeError(f"can't draw {file}: it has to end in {' or '.join(ENDINGS)}")
    if file.is_dir():
        raise LookalikeError(f"can't write {file}: it is a folder")
    if not (file.parent.is_dir() and os.access(file.parent, os.W_OK)):
        raise LookalikeError(
            f"can't write {file}: make the folder {file.parent}, writable, or name another file"
        )


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def save(figure: "Figure", file: Path) -> None:
    """Save a figure in the format of the file's ending; an earlier file is replaced at the end."""
    descriptor, unfinished = tempfile.mkstemp(dir=file.parent, suffix=file.suffix)
    os.close(descriptor)
    try:
        with warnings.catch_warnings():
            # A name may have letters that matplotlib's font lacks; boxes are drawn for them.
            warnings.simplefilter("ignore", UserWarning)
            figure.savefig(unfinished)
        Path(unfinished).chmod(0o644)  # mkstemp lets only the user read it
        Path(unfinished).replace(file)
    finally:
        Path(unfinished).unlink(missing_ok=True)
