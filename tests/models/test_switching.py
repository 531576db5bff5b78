"""`lookalike models activate` under load: no question fails, and none mixes two models."""

import json
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg
import pytest

from app.database import Database
from app.errors import LookalikeError
from app.models import activate
from tests.conftest import Start, web_server
from tests.models.conftest import add_model
from tests.support.waiting import DEADLINE, execute, wait_until

TOP_N = 20
SWITCHES = ("small", "compact") * 3

Answer = tuple[str, tuple[int, ...]]
"""The model that answered, and the products it found."""

IN_SQL = "SELECT array_agg(item_id) FROM similar_items(%(item_id)s, %(top_n)s)"
BY_HAND = (
    "SELECT array_agg(item_id) FROM (SELECT item_id FROM item_embeddings "
    "WHERE item_id <> %(item_id)s ORDER BY embedding <=> "
    "(SELECT embedding FROM item_embeddings WHERE item_id = %(item_id)s), item_id "
    "LIMIT %(top_n)s) AS nearest"
)

HOLD = "SELECT count(*) FROM item_embeddings"
HELD_UP = (
    "SELECT pid, xact_start FROM pg_stat_activity JOIN pg_locks USING (pid) "
    "WHERE NOT granted AND relation = 'photo_embeddings'::regclass"
)


@pytest.fixture
def two_models(database: Database) -> str:
    """URI of a database with vectors of two models, 256 and 64 long; `compact` is active."""
    add_model(database, "small", dimensions=64, vectors=True)
    return database.url


class Load:
    """Somebody who asks one question again and again, and keeps all the answers."""

    def __init__(self, ask: Callable[[], Answer], stop: Event) -> None:
        self.ask = ask
        self.stop = stop
        self.count = 0
        self.found: dict[str, set[tuple[int, ...]]] = defaultdict(set)
        self.failure: Exception | None = None
        self.thread = Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self.stop.is_set():
                model, items = self.ask()
                self.found[model].add(items)
                self.count += 1
        except Exception as error:
            self.failure = error

    def __enter__(self) -> "Load":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()


def over_http(url: str) -> Callable[[], Answer]:
    """How to ask the API; what is no 200 raises."""

    def ask() -> Answer:
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310
            body: dict[str, Any] = json.load(response)
        assert body["returned"] == TOP_N
        return body["model"], tuple(result["item_id"] for result in body["results"])

    return ask


def in_sql(
    connection: psycopg.Connection[Any], statement: str, item_id: int
) -> Callable[[], Answer]:
    """How an analyst asks, with a statement that stays prepared; it doesn't say which model."""
    parameters = {"item_id": item_id, "top_n": TOP_N}

    def ask() -> Answer:
        row = connection.execute(statement, parameters, prepare=True).fetchone()
        assert row is not None
        return "", tuple(row[0])

    return ask


def switch_under(loads: list[Load], database: Database) -> None:
    """Switch to and fro while everybody is answered a few times in between."""

    def go_on() -> None:
        counts = [load.count for load in loads]
        wait_until(
            lambda: all(
                load.failure or load.count > count + 5
                for load, count in zip(loads, counts, strict=True)
            )
        )

    go_on()
    for name in SWITCHES:
        assert activate(database, name)
        go_on()
    assert [load.failure for load in loads] == [None] * len(loads)


def test_no_question_in_sql_fails_while_models_are_switched(
    two_models: str, database: Database
) -> None:
    stop = Event()
    with ExitStack() as stack:
        loads = [
            stack.enter_context(Load(in_sql(connection, statement, 7), stop))
            for statement in (IN_SQL, BY_HAND)
            for connection in [stack.enter_context(psycopg.connect(two_models, autocommit=True))]
        ]
        switch_under(loads, database)
    # Wholly of one model: each has one answer to the question of each.
    assert [len(load.found[""]) for load in loads] == [2, 2]
    assert all(len(items) == TOP_N for load in loads for items in load.found[""])


@pytest.mark.slow
def test_no_request_fails_while_models_are_switched(
    two_models: str, database: Database, home: Path
) -> None:
    stop = Event()
    with ExitStack() as stack:
        base = stack.enter_context(web_server(two_models, home))
        base = f"{base}/api/v1/items/7/similar?top_n={TOP_N}"
        loads = [
            stack.enter_context(Load(over_http(url), stop))
            for url in (base, base, f"{base}&exclude_duplicates=true&diversity=0.2")
        ]
        switch_under(loads, database)
    for load in loads:
        assert load.found.keys() == {"compact", "small"}
        assert [len(answers) for answers in load.found.values()] == [1, 1]


@pytest.mark.parametrize("view", ["photo_embeddings", "item_embeddings"])
@pytest.mark.parametrize("name", ["small", "compact"])
def test_the_views_use_the_index_of_each_model(
    two_models: str, database: Database, view: str, name: str
) -> None:
    activate(database, name)
    with psycopg.connect(two_models) as connection:
        connection.execute("SET LOCAL enable_sort = off")
        question = f"(SELECT embedding FROM {view} WHERE item_id = 7 LIMIT 1)"
        plan = connection.execute(
            f"EXPLAIN SELECT item_id FROM {view} ORDER BY embedding <=> {question} LIMIT 5"
        ).fetchall()
    number = 1 if name == "compact" else 2
    assert any(f"using embeddings_{number}_hnsw" in line for (line,) in plan), plan


def test_a_switch_keeps_rights_comments_and_dependent_views(
    two_models: str, database: Database
) -> None:
    execute(two_models, "CREATE VIEW mine AS SELECT item_id FROM item_embeddings WHERE item_id < 9")
    kept = (
        "SELECT relacl, obj_description(oid), (SELECT count(*) FROM mine) FROM pg_class "
        "WHERE relname = 'photo_embeddings'"
    )
    before = execute(two_models, kept)
    assert activate(database, "small")
    assert execute(two_models, kept) == before


def test_a_switch_is_tried_again_while_a_query_holds_the_view(
    two_models: str, start: Start
) -> None:
    tries: set[tuple[Any, ...]] = set()
    with psycopg.connect(two_models) as reader:
        reader.execute(HOLD)
        switching = start(two_models, "models", "activate", "small")

        def tried_again() -> bool:
            tries.update(execute(two_models, HELD_UP))
            return len(tries) > 1 or switching.poll() is not None

        wait_until(tried_again)
    output, errors = switching.communicate(timeout=DEADLINE)
    assert (switching.returncode, output, errors) == (0, "small is active now\n", "")


def test_a_switch_gives_up_on_a_view_that_stays_held(two_models: str, database: Database) -> None:
    with psycopg.connect(two_models) as reader:
        reader.execute(HOLD)
        with pytest.raises(LookalikeError, match="other transactions have held the view") as error:
            activate(database, "small", lock_timeout_ms=50, attempts=2)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("or run `lookalike models activate small` again later")
    active = "SELECT name FROM embedding_models WHERE active"
    assert execute(two_models, active) == [("compact",)]
    assert activate(database, "small")
