"""lookalike: products that look alike, found inside your own Postgres."""

from importlib.metadata import version

__version__ = version("lookalike")
