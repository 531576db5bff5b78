"""Importing Keras: late, since it takes seconds, quietly, and free of the user's environment.

A network must compute the same vectors on every machine. So Keras doesn't get to see the user's
`keras.json`, and of the variables that steer Keras, TensorFlow and the libraries below them only
those in `RESPECTED` are left: how many threads, which devices, how much memory, what is logged.
All others are removed from this process's environment before the import, since they change what
is computed (channels first, half floats, another backend, fast math) or stop the process (XLA
ends it on a flag it doesn't know).
"""

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from app.errors import LookalikeError

UNUSED = ("matplotlib", "pandas", "sklearn")
"""What Keras imports, where it is installed, for parts of it that are not used here. Without them
a process has Keras after 3 s instead of 5."""

STEERING = (
    "KERAS_",
    "TF_",
    "XLA_",
    "TENSORFLOW_",
    "DNNL_",
    "ONEDNN_",
    "ITEX_",
    "CUDNN_",
    "NVIDIA_TF32",
)
"""How the variables begin that may change what a network computes. `CUDA_…`, `OMP_…` and `KMP_…`
are not among them: they choose devices and threads."""

RESPECTED = frozenset(
    (
        "KERAS_HOME",  # where downloaded weights are; `keras.json` in it is not read
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "TF_CPP_MIN_LOG_LEVEL",
        "TF_CPP_MAX_VLOG_LEVEL",
        "TF_CPP_VMODULE",
        "TF_FORCE_GPU_ALLOW_GROWTH",
        "TF_GPU_ALLOCATOR",
        "TF_GPU_THREAD_COUNT",
        "TF_GPU_THREAD_MODE",
        "TF_PER_DEVICE_MEMORY_LIMIT_MB",
        "DNNL_VERBOSE",
        "ONEDNN_VERBOSE",
    )
)
"""Variables that are an operator's to choose."""


def load_keras() -> Any:
    """Import Keras over TensorFlow, without the latter's start-up chatter, and return it.

    Raises:
        LookalikeError: this process has already imported Keras with another backend.
    """
    if "tensorflow" not in sys.modules:
        for name in steering_variables(os.environ):
            del os.environ[name]
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        # TensorFlow's C++ writes to the descriptor before that level is read.
        with silent_stderr(), hidden(*UNUSED), uncollected(), default_config():
            import keras
            import tensorflow  # noqa: F401
    import keras

    if keras.config.backend() != "tensorflow":
        raise LookalikeError(
            f"Keras is already running on {keras.config.backend()} in this process, and the "
            "networks need TensorFlow: set KERAS_BACKEND=tensorflow before Keras is imported"
        )
    return keras


def steering_variables(names: Iterable[str]) -> list[str]:
    """Return those names of environment variables that must not reach the networks."""
    return [name for name in names if name.startswith(STEERING) and name not in RESPECTED]


def keras_home() -> str:
    """Return the folder that Keras keeps its downloads in: `KERAS_HOME`, or `~/.keras`."""
    return os.environ.get("KERAS_HOME") or "~/.keras"


@contextmanager
def default_config() -> Iterator[None]:
    """Have a Keras that is imported within the block read no `keras.json`, and write none."""
    chosen = {"KERAS_HOME": os.devnull, "KERAS_BACKEND": "tensorflow"}
    kept = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Make packages that are not imported yet look as if they were not installed."""
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is refused
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector away from what the block makes, for good: it is never freed."""
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
    """Discard what this process writes to standard error within the block."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
