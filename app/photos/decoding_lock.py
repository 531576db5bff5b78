"""Decoding one large photo at a time, in all processes of a server."""

import ctypes
import fcntl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock

SMALL = 4_000_000
"""Width × height up to which photos are decoded at the same time."""

_DECODING = Lock()


@contextmanager
def decoding(pixels: int, home: Path) -> Iterator[None]:
    """Wait until no process that shares a home decodes a large photo, if this one is large.

    Its memory goes back to the system at the end of the block.

    Args:
        pixels: width × height.
        home: a folder that the processes share.
    """
    if pixels <= SMALL:
        yield
        return
    with _DECODING, ExitStack() as stack:
        with suppress(OSError):  # a home that can't be written to: one at a time in each process
            file = stack.enter_context((home / "decoding.lock").open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed, by a kill too
        yield
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # glibc has it
        trim(0)
