"""The HTTP API and the web pages."""

from app.http.application import create_app

__all__ = ["create_app"]
