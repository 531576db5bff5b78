"""Databases of a shop that has learnt its words."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient
from pgvector.psycopg import register_vector

from app.database import Database, open_database
from tests.conftest import client_of, clone, settings_for
from tests.support.words import learn, stock


@pytest.fixture(scope="session")
def shop_url(server: str, empty_template: str, home: Path) -> Iterator[str]:
    """URI of a database with the English shop, its words learnt; tests don't change it."""
    with clone(server, empty_template) as url:
        with psycopg.connect(url) as connection:
            stock(connection)
        with open_database(settings_for(url, home)) as database:
            learn(database)
        yield url


@pytest.fixture
def shop(shop_url: str) -> Iterator[psycopg.Connection[object]]:
    """A connection to it."""
    with psycopg.connect(shop_url) as connection:
        register_vector(connection)
        yield connection


@pytest.fixture(scope="session")
def shopper(shop_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client of an application over it."""
    with client_of(shop_url, home) as found:
        yield found


@pytest.fixture
def unread(empty_database: Database) -> Database:
    """The open database of the shop before it has learnt words."""
    with empty_database.connection() as connection:
        stock(connection)
    return empty_database
