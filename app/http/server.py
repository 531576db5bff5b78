"""Gunicorn around the application."""

import socket
from datetime import timedelta
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from app.errors import LookalikeError
from app.http.application import create_app
from app.logs import log_event
from app.settings import Settings


def require_free_port(host: str, port: int) -> None:
    """Make sure that the address can be listened on.

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


class JsonLogger(Logger):  # type: ignore[misc]
    """Gunicorn's logs in the process's own JSON log, each request an event with its numbers."""

    def setup(self, cfg: Any) -> None:
        """Hand the records on instead of printing them."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Log a request that was answered; not what it asked, which may be personal."""
        log_event(
            "request",
            f"{req.method} {req.path}",
            method=req.method,
            path=req.path,
            status=int(str(resp.status).split()[0]),
            seconds=round(request_time.total_seconds(), 4),
        )


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with threads; each worker process makes its application after the fork."""

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        self.settings = settings
        self.options: dict[str, Any] = {
            "bind": f"{f'[{host}]' if ':' in host else host}:{port}",
            "workers": settings.web_workers,
            "worker_class": "gthread",
            "threads": settings.web_threads,
            "graceful_timeout": 10,
            "proc_name": "lookalike",
            "loglevel": "warning",
            # A socket in the user's home that two servers of one user would fight over.
            "control_socket_disable": True,
        }
        if settings.log_format == "json":
            self.options |= {"logger_class": JsonLogger, "accesslog": "-"}
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn our options."""
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the application, in the worker process."""
        return create_app(self.settings)
