"""The application in gunicorn, with graceful shutdown."""

import ctypes
import mmap
import queue
import signal
import socket
import struct
import sys
import time
from datetime import timedelta
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from prometheus_client.multiprocess import mark_process_dead

from app.errors import LookalikeError
from app.http.application import create_app
from app.http.gunicorn_worker import STOP_WORKER, BoundedWorker
from app.http.tracing import ENVIRON_KEY
from app.logs import log_event
from app.settings import Settings

GRACEFUL_SECONDS = 25
"""How long requests may take to finish once the listener is closed."""

HANDSHAKE_SECONDS = 0.2
"""Time for TCP handshakes to finish before the listener is closed."""


def require_free_port(host: str, port: int) -> None:
    """Check that the address can be listened on.

    Raises:
        LookalikeError: it can't; the text says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise LookalikeError(
                f"can't listen on {host}, port {port} ({error.strerror}): name another --port"
            ) from None


class Flag:
    """A flag shared by a process and the processes that it forks later; it can't be unset."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Set it."""
        self._memory[0] = 1

    def is_set(self) -> bool:
        """Return whether any of the processes has set it."""
        return self._memory[0] == 1


class JsonLogger(Logger):  # type: ignore[misc]
    """Gunicorn's logs in the process's JSON log; each request is an event."""

    def setup(self, cfg: Any) -> None:
        """Pass records to the root logger instead of printing them."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Log a request without its query string, which may be personal."""
        log_event(
            "request",
            f"{req.method} {req.path}",
            method=req.method,
            path=req.path,
            status=int(str(resp.status).split()[0]),
            seconds=round(request_time.total_seconds(), 4),
            request_id=environ.get(ENVIRON_KEY),
        )


class DrainingArbiter(Arbiter):  # type: ignore[misc]
    """Gunicorn's master, which on SIGTERM lets load balancers and clients leave before it stops."""

    def handle_term(self) -> None:
        """Report not ready, keep answering for a while, then refuse new clients."""
        self.app.draining.set()
        if not self._interrupted(self.app.settings.drain_seconds):
            for listener in self.LISTENERS:
                ignore_new_clients(listener.sock)
            time.sleep(HANDSHAKE_SECONDS)
        super().handle_term()

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a worker a signal; to stop, the one that it listens to."""
        super().kill_worker(pid, STOP_WORKER if sig == signal.SIGTERM else sig)

    def _interrupted(self, seconds: float) -> bool:
        """Wait; return True early if another signal asks for an immediate stop."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                number = self.SIG_QUEUE.get(timeout=left)
            except queue.Empty:
                break
            if number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
                return True
        return False


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with threads; each worker process makes its application after the fork."""

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        self.settings = settings
        self.host = host
        self.draining = Flag()
        self.options: dict[str, Any] = {
            "bind": f"{f'[{host}]' if ':' in host else host}:{port}",
            "workers": settings.web_workers,
            "worker_class": BoundedWorker,
            "threads": settings.web_threads,
            "graceful_timeout": GRACEFUL_SECONDS,
            "proc_name": "lookalike",
            "loglevel": "warning",
            # It would be one socket in the user's home for all servers of the user.
            "control_socket_disable": True,
            # Any local client could set the path prefix (SCRIPT_NAME) and the scheme otherwise; the
            # application reads such headers if LOOKALIKE_TRUSTED_PROXIES says so.
            "forwarded_allow_ips": "",
            "child_exit": _forget_gauges,
        }
        if settings.log_format == "json":
            self.options |= {"logger_class": JsonLogger, "accesslog": "-"}
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options."""
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Create the application, in the worker process."""
        return create_app(self.settings, host=self.host, draining=self.draining.is_set)

    def run(self) -> None:
        """Serve until a signal ends it."""
        DrainingArbiter(self).run()


def _forget_gauges(_server: Any, worker: Any) -> None:
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


# Linux's constant, which Python lacks.
_SO_ATTACH_FILTER = 26

# Classic BPF over a TCP segment: drop it if its flags (byte 13) include SYN, else accept it.
_DROP_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 2), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def ignore_new_clients(listener: socket.socket) -> None:
    """Make a listening socket ignore clients that start to connect from now on.

    Clients in the handshake or in the backlog are not affected; closing the socket would reset
    them. A client that is ignored retries a second later, and is then refused, or connected to
    the next server at that address.
    """
    if sys.platform != "linux":
        return
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_SYN)
    kept = ctypes.create_string_buffer(
        program, len(program)
    )  # referenced until the kernel has copied it
    described = struct.pack("HL", len(_DROP_SYN), ctypes.addressof(kept))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
