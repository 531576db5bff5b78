"""`lookalike train words`: what it learns, writes and leaves alone."""

import signal
from typing import Any

import psycopg
import pytest

from app.database import Database
from app.errors import LookalikeError
from app.models import activate, drop
from tests.conftest import Cli, Start
from tests.support.products import store_model
from tests.support.waiting import end, execute, wait_until
from tests.support.words import COLOURS, KINDS, learn, numbers, stock

pytestmark = pytest.mark.slow


def rows(database: Database, question: str, *values: Any) -> list[tuple[Any, ...]]:
    with database.connection() as connection:
        return connection.execute(question.encode(), values).fetchall()


@pytest.mark.parametrize("language", sorted(COLOURS))
def test_it_learns_any_language_from_the_names_alone(
    empty_database: Database, language: str
) -> None:
    with empty_database.connection() as connection:
        stock(connection, language)
        connection.execute("UPDATE items SET base_colour = NULL, article_type = NULL")
    learn(empty_database)
    space = "" if language == "zh" else " "
    for colour, colour_name in enumerate(COLOURS[language]):
        for kind, kind_name in enumerate(KINDS[language]):
            found = rows(
                empty_database,
                "SELECT sku FROM similar_to(text_embedding(%s), 8)",
                f"{colour_name.upper()}{space}{kind_name}",
            )
            assert set(numbers([sku for (sku,) in found])) == {(colour, kind)}
        found = rows(
            empty_database, "SELECT sku FROM similar_to(text_embedding(%s), 8)", colour_name
        )
        assert {at for at, _ in numbers([sku for (sku,) in found])} == {colour}


def test_a_second_run_replaces_the_first_and_gives_the_same(unread: Database) -> None:
    learnt = learn(unread)
    first = rows(unread, "SELECT word, products, vector::text FROM word_vectors ORDER BY word")
    assert len(first) == learnt.words + learnt.parts
    assert {"red", "dress", "%res%"} < {word for word, _, _ in first}
    learn(unread)
    again = rows(unread, "SELECT word, products, vector::text FROM word_vectors ORDER BY word")
    assert again == first


def test_products_that_are_held_out_are_not_learnt_from(unread: Database) -> None:
    half, whole = learn(unread, 0.5), learn(unread, 0)
    assert half.products < whole.products == 160
    assert rows(unread, "SELECT words_held_out FROM embedding_models") == [(0.0,)]


def test_a_model_keeps_its_words_when_another_is_active(unread: Database) -> None:
    learn(unread)
    with unread.connection() as connection:
        store_model(connection, 24, "other")
    activate(unread, "other", force=True)
    assert rows(unread, "SELECT text_embedding('red')") == [(None,)]
    assert rows(unread, "SELECT count(*) FROM word_embeddings") == [(0,)]
    activate(unread, "made_up")
    assert rows(unread, "SELECT text_embedding('red') IS NULL") == [(False,)]


def test_words_are_dropped_with_their_model(unread: Database) -> None:
    learn(unread)
    drop(unread, "made_up")
    assert rows(unread, "SELECT count(*) FROM word_vectors") == [(0,)]
    assert rows(unread, "SELECT text_embedding('red')") == [(None,)]


def test_a_catalog_without_names_and_attributes_is_told(unread: Database) -> None:
    with unread.connection() as connection:
        connection.execute(
            "UPDATE items SET product_display_name = NULL, brand_name = NULL, "
            "base_colour = NULL, article_type = NULL"
        )
    with pytest.raises(LookalikeError, match=r"no word is common to 2 of the .* products"):
        learn(unread)


def test_a_model_without_vectors_is_told(empty_database: Database) -> None:
    with empty_database.connection() as connection:
        store_model(connection, 24)
    with pytest.raises(LookalikeError, match="run `lookalike embed --model made_up`"):
        learn(empty_database)


def test_the_worker_may_write_words_and_an_analyst_may_not(unread: Database) -> None:
    learn(unread)
    for role, allowed in (("lookalike_worker", True), ("lookalike_analyst", False)):
        with unread.connection() as connection:
            connection.execute(f"SET LOCAL ROLE {role}".encode())
            connection.execute("SELECT text_embedding('red'), * FROM word_vectors LIMIT 1")
            if allowed:
                connection.execute("DELETE FROM word_vectors")
                connection.rollback()
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("DELETE FROM word_vectors")


@pytest.mark.usefixtures("unread")
def test_the_command_says_what_it_learnt(empty_url: str, cli: Cli) -> None:
    done = cli(empty_url, "train", "words")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("made_up: ")
    assert "parts of words, learnt from" in done.stdout
    missing = cli(empty_url, "train", "words", "--model", "none")
    assert missing.returncode == 1
    assert missing.stderr.strip().endswith("there is no model called 'none'; registered: made_up")
    assert cli(empty_url, "train", "words", "--held-out", "1").returncode == 2
    assert "train words" in cli(empty_url, "train", "--help").stdout


def test_without_a_model_the_command_says_what_to_do(empty_url: str, cli: Cli) -> None:
    done = cli(empty_url, "train", "words")
    assert done.returncode == 1
    assert done.stderr == "lookalike: no embedding model is active yet: run `lookalike embed`\n"


def test_a_killed_run_leaves_the_words_as_they_were(
    unread: Database, empty_url: str, start: Start
) -> None:
    learn(unread)
    before = rows(unread, "SELECT word, vector::text FROM word_vectors ORDER BY word")
    with psycopg.connect(empty_url) as holder:
        holder.execute("LOCK TABLE word_vectors IN SHARE MODE")  # it can't delete the old ones
        run = start(empty_url, "train", "words", "--held-out", "0")
        waiting = (
            "SELECT count(*) FROM pg_locks "
            "WHERE NOT granted AND relation = 'word_vectors'::regclass"
        )
        wait_until(lambda: execute(empty_url, waiting) != [(0,)])
        end(run, signal.SIGKILL)
    assert rows(unread, "SELECT word, vector::text FROM word_vectors ORDER BY word") == before
    assert rows(unread, "SELECT words_held_out FROM embedding_models") == [(pytest.approx(0.15),)]
