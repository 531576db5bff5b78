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
from app.encoders.projection import Shape, projected
from app.encoders.registry import get_backbone
from app.errors import LookalikeError
from app.models import activate, activation, add
from tests.conftest import Cli, settings_for
from tests.support.commands import DEADLINE, Start, execute, wait_until
from app.models import ensure_index

TOP_N = 20
SWITCHES = ("small", "compact") * 3

Answer = tuple[str, tuple[int, ...]]
"""The model that answered, and the products it found."""

SMALL_VECTORS = (
    "INSERT INTO embeddings (model_id, item_id, embedding, image_sha256) "
    "SELECT 2, item_id, l2_normalize(subvector(embedding, 65, 64)), image_sha256 FROM embeddings "
    "WHERE model_id = 1"
)
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
    "WHERE NOT granted AND relation = 'item_embeddings'::regclass"
)


@pytest.fixture
def two_models(catalog_database: Database, catalog_url: str, home: Path) -> str:
    """URI of a database with vectors of two models, 256 and 64 long; `compact` is active."""
    with catalog_database.session() as session:
        session.expire_on_commit = False
        backbone = projected(get_backbone("compact"), Shape(hidden=64, dimensions=64))
        small = add(session, backbone, "small", "0" * 64)
        session.commit()
    execute(catalog_url, SMALL_VECTORS)
    assert ensure_index(catalog_database, small, settings_for(catalog_url, home))
    return catalog_url


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


def test_no_question_fails_while_models_are_switched(
    two_models: str, live_server: str, cli: Cli
) -> None:
    ((item_id,),) = execute(two_models, "SELECT min(item_id) FROM item_embeddings")
    base = f"{live_server}/api/v1/items/{item_id}/similar?top_n={TOP_N}"
    stop = Event()
    with ExitStack() as stack:
        web = [
            stack.enter_context(Load(over_http(url), stop))
            for url in (base, base, f"{base}&exclude_duplicates=true&diversity=0.2")
        ]
        sql = [
            stack.enter_context(Load(in_sql(connection, statement, item_id), stop))
            for statement in (IN_SQL, BY_HAND)
            for connection in [stack.enter_context(psycopg.connect(two_models, autocommit=True))]
        ]
        loads = web + sql

        def go_on() -> None:
            """Let everybody be answered a few times more."""
            counts = [load.count for load in loads]
            wait_until(
                lambda: all(
                    load.failure or load.count > count + 5
                    for load, count in zip(loads, counts, strict=True)
                )
            )

        go_on()
        for name in SWITCHES:
            done = cli(two_models, "models", "activate", name)
            assert (done.returncode, done.stdout) == (0, f"{name} is active now\n"), done.stderr
            go_on()
    assert [load.failure for load in loads] == [None] * len(loads)
    # Complete, and wholly of one model: each has one answer to a question.
    for load in web:
        assert load.found.keys() == {"compact", "small"}
        assert [len(answers) for answers in load.found.values()] == [1, 1]
    (of_compact,), (of_small,) = web[0].found["compact"], web[0].found["small"]
    assert of_compact != of_small
    assert len(of_compact) == len(of_small) == TOP_N
    for load in sql:
        assert load.found[""] == {of_compact, of_small}


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


def test_a_switch_gives_up_on_a_view_that_stays_held(
    two_models: str, catalog_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activation, "TRIES", 2)
    with psycopg.connect(two_models) as reader:
        reader.execute(HOLD)
        with pytest.raises(LookalikeError, match="other transactions have held the view") as error:
            activate(catalog_database, "small")
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("or run `lookalike models activate small` again later")
    active = "SELECT name FROM embedding_models WHERE active"
    assert execute(two_models, active) == [("compact",)]
    assert activate(catalog_database, "small")
