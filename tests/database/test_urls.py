"""Addresses of databases: every usual form is taken, and no message shows a password."""

from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.database.connection import probe
from app.database.url import SOMEWHERE, is_showable, libpq_url, redacted_url
from app.errors import LookalikeError
from app.settings import Settings
from tests.conftest import Cli, settings_for
from tests.support.templates import database_uri

PIECES = st.lists(
    st.sampled_from(["Zebra", "Quokka", "Narwhal"]).flatmap(
        lambda word: st.sampled_from("@/:?#&=%+ ,[]'\\;").map(lambda mark: f"{word}{mark}")
    ),
    min_size=1,
    max_size=4,
).map("".join)
"""Passwords of words that stand nowhere else, with the characters that move borders."""

SHAPES = st.sampled_from(
    [
        "postgresql://ann:{}@127.0.0.1:1/shop",
        "postgres://ann:{}@127.0.0.1:1,127.0.0.1:2/shop",
        "postgresql+psycopg://ann:{}@127.0.0.1:1/shop",
        "postgresql+psycopg2://ann:{}@[::1]:1/shop?connect_timeout=1",
        "postgresql://127.0.0.1:1/shop?user=ann&password={}",
        "postgresql://ann@/shop?host=/nowhere&password={}&port=1",
        "postgresql://ann:{}@/shop?host=/nowhere",
        "postgresql://127.0.0.1:1/shop?sslpassword={}&user=ann",
        "host=127.0.0.1 port=1 user=ann password={} dbname=shop",
        "host=127.0.0.1 port=1 dbname=shop password='{}' user=ann",
        "mysql://ann:{}@127.0.0.1/shop",
        "ann:{}@127.0.0.1/shop",
        "{}",
    ]
)
WORDS = ("Zebra", "Quokka", "Narwhal")


def said_of(url: str) -> str:
    """All that is ever said of an address."""
    said = [redacted_url(url), repr(Settings(_env_file=None, database_url=url))]
    try:
        libpq_url(url)
    except LookalikeError as error:
        said.append(str(error))
    return " ".join(said)


@given(SHAPES, PIECES, st.booleans())
@example("postgresql://ann:{}@127.0.0.1:1/shop", "Zebra@Quokka", False)
@example("postgresql://ann:{}@127.0.0.1:1/shop", "1/Zebra", False)
@example("postgresql://ann:{}@127.0.0.1:1/shop", "1?host=Zebra", False)
@example("postgresql://127.0.0.1:1/shop?user=ann&password={}", "x&host=Zebra", False)
@example("postgresql://127.0.0.1:1/shop?user=ann&password={}", "x&dbname=Zebra", False)
@example("host=127.0.0.1 port=1 user=ann password={} dbname=shop", "x host=Zebra", False)
@settings(derandomize=True, max_examples=400, deadline=None)
def test_no_message_shows_a_password(shape: str, password: str, escaped: bool) -> None:
    url = shape.format(quote(password, safe="") if escaped else password)
    said = said_of(url)
    assert not any(word in said for word in WORDS), said


@given(SHAPES, PIECES, st.booleans())
@example("postgresql://ann@/shop?host=/nowhere&password={}&port=1", "x&host=/Zebra", False)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_no_failed_connection_shows_a_password(shape: str, password: str, escaped: bool) -> None:
    url = shape.format(quote(password, safe="") if escaped else password)
    parts = {}
    with suppress(LookalikeError):
        parts = psycopg.conninfo.conninfo_to_dict(libpq_url(url))
    # No name is looked up: a test sends nothing off this machine.
    host = str(parts.get("host") or "/nowhere")
    if not all(part.startswith(("/", "127.", "::1")) for part in host.split(",")):
        return
    with pytest.raises(LookalikeError) as error:
        probe(url)
    said = str(error.value)
    assert not any(word in said for word in WORDS), said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql://ann:pw@db.example.com:5433/shop", "shop on db.example.com"),
        ("postgres://db.example.com/shop", "shop on db.example.com"),
        ("postgresql+psycopg://ann:p%40w@db.example.com/shop", "shop on db.example.com"),
        ("postgresql://ann:pw@one:1,two:2/shop", "shop on one,two"),
        ("postgresql:///shop?host=/run/postgresql", "shop on /run/postgresql"),
        ("postgresql:///shop", "shop on localhost"),
        ("postgresql://db.example.com", "on db.example.com"),
        ("postgresql://db.example.com/shop?password=pw&sslmode=require", "shop on db.example.com"),
        ("host=db.example.com dbname=shop user=ann password=pw", "shop on db.example.com"),
    ],
)
def test_every_usual_form_is_read_and_named(url: str, named: str) -> None:
    libpq_url(url)
    assert redacted_url(url) == named
    assert is_showable(url) == ("password=" not in url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:p@ss@db.example.com/shop",
        "postgresql://ann:p/ss@db.example.com/shop",
        "postgresql://ann:12/34@db.example.com/shop",
        "postgresql://ann:p?ss@db.example.com/shop",
        "postgresql://ann:100%@db.example.com/shop",
        "postgresql://db.example.com:port/shop?x=y",
        "mysql://ann:pw@db.example.com/shop",
        "shop",
    ],
)
def test_what_cannot_be_read_says_how_to_write_it(url: str) -> None:
    with pytest.raises(LookalikeError, match=r"write (%40 for @|postgresql://)") as error:
        libpq_url(url)
    assert "example" not in str(error.value)
    assert redacted_url(url) == SOMEWHERE


def test_sqlalchemys_form_works(server: str, home: Path, cli: Cli) -> None:
    address = database_uri(server, "postgres")
    url = address.replace("postgresql://", "postgresql+psycopg://")
    probe(url)
    assert cli(url, "db", "url").stdout.strip() == address
    assert settings_for(url, home).database_url == url


def test_a_refused_password_is_one_line_without_it(cli: Cli) -> None:
    done = cli("postgresql+psycopg://ann:Zebra@127.0.0.1:1/shop", "status")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("lookalike: can't use the database shop on 127.0.0.1: ")
    assert line.endswith("start it, or correct DATABASE_URL")
    assert "Zebra" not in line
