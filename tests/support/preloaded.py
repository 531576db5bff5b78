"""Imported by the process that commands are forked from, before the first of them."""

from tests.support.commands import preload

preload()
