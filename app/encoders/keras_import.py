"""Importing Keras, which takes seconds: late, quietly, and no more of it than is used."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NOT_FOR_US = ("matplotlib", "pandas", "sklearn")
"""What Keras imports, where it is installed, for parts of it that are not used here. Without it a
process has Keras after 3 s instead of 5."""


def load_keras() -> Any:
    """Import Keras over TensorFlow, without the latter's start-up chatter, and return it."""
    if "tensorflow" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        # TensorFlow's C++ writes to the descriptor before that level is read.
        with silent_stderr(), hidden(*NOT_FOR_US), to_the_end():
            import keras
            import tensorflow  # noqa: F401
    import keras

    return keras


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Let packages that were not imported yet seem not to be installed within the block."""
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is refused
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def to_the_end() -> Iterator[None]:
    """Spare the garbage collector whatever is made within the block, during it and afterwards."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Send this process's standard error to nowhere for the length of the block."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
