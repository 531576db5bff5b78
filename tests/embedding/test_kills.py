"""Workers that are killed, again and again, at random instants: nothing is lost or done twice."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import psutil
import psycopg
import pytest
from psycopg import sql

from app.database import query
from tests.conftest import Cli, cli_environment
from tests.support.seeds import KILL_SEED, KILLS
from tests.support.vectors import assert_complete, cosine, log_writes, vectors, written
from tests.support.waiting import DEADLINE, execute

pytestmark = pytest.mark.slow

Fork = Callable[[str], psutil.Process]


class Instant(NamedTuple):
    """When to kill a worker: so many seconds at most after the server sees it come to something."""

    seen: str
    """About pg_stat_activity; `{statements}` is whether it is at one of the statements."""
    longest: float
    statements: tuple[str, ...] = ()
    """Names in `queries.sql` of worker.embedding or app.models."""

    def condition(self) -> tuple[sql.Composed, list[list[str]]]:
        """Return it as SQL, with its parameters."""
        at_one = sql.SQL(
            "EXISTS (SELECT FROM unnest(%s::text[]) AS t (beginning) "
            "WHERE starts_with(query, t.beginning))"
        )
        texts = [_beginning_of(name) for name in self.statements]
        seen = sql.SQL(self.seen).format(statements=at_one)
        return seen, [texts] if texts else []


def _beginning_of(name: str) -> str:
    """Return the text of a statement up to its first parameter or identifier."""
    package = "app.models" if name == "create_index" else "worker.embedding"
    return query(package, name).as_string().replace("{", "%").partition("%")[0]


ACTIVE = "state = 'active' AND {statements}"

WORK = {
    "start-up": Instant("true", 1.0),
    "choice": Instant(ACTIVE, 0.1, ("give_up_jobs", "choose_jobs")),
    "claim": Instant(ACTIVE, 0.1, ("set_timeouts", "claim_jobs")),
    "decode, encode": Instant(
        "state = 'idle in transaction' AND {statements}", 0.1, ("claim_jobs",)
    ),
    "write": Instant(ACTIVE, 0.1, ("delete_vectors", "write_vectors", "finish_jobs")),
    "commit": Instant("state = 'active' AND query = 'COMMIT'", 0.1),
}
INDEXING = Instant(f"{ACTIVE} OR query = 'ROLLBACK'", 0.5, ("create_index",))
"""Building the index, or waiting while another worker builds it."""

SLOW = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(random() / 20); RETURN NULL; END';
CREATE TRIGGER slow_claim AFTER UPDATE ON embedding_jobs EXECUTE FUNCTION dawdle();
CREATE CONSTRAINT TRIGGER slow_commit AFTER DELETE ON embedding_jobs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle();
"""

NOTICE_DEATHS = """
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET client_connection_check_interval = 10',
        current_database());
END $$
"""


@pytest.fixture
def fork_worker(unembedded_url: str, home: Path) -> Iterator[Fork]:
    """Start a worker under a name, quickly."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.forked_workers"],
        env=cli_environment(unembedded_url, home, LOOKALIKE_BATCH_SIZE="2"),
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin is not None
        stdin, stdout = parent.stdin, parent.stdout
        assert stdout is not None

        def begin(name: str) -> psutil.Process:
            print(name, file=stdin, flush=True)
            return psutil.Process(int(stdout.readline()))

        yield begin


def kill(worker: psutil.Process, name: str, url: str, instant: Instant, random: Random) -> None:
    """Kill a worker at an instant."""
    condition, parameters = instant.condition()
    seen = sql.SQL(
        "SELECT true FROM pg_stat_activity WHERE application_name = %s AND ({condition})"
    ).format(condition=condition)
    until = time.monotonic() + DEADLINE
    with closing(psycopg.connect(url, autocommit=True)) as watching:
        while not watching.execute(seen, [name, *parameters]).fetchone():
            assert worker.is_running(), "it came to its end before that"
            assert time.monotonic() < until, "it never came to that"
    time.sleep(random.uniform(0, instant.longest))
    worker.kill()
    worker.wait(DEADLINE)


def test_kill_9_at_any_instant(
    unembedded_url: str, catalog_url: str, fork_worker: Fork, cli: Cli
) -> None:
    # Shown if it fails.
    print(f"KILLS={KILLS} KILL_SEED={KILL_SEED} kills like that again")  # noqa: T201
    url, undisturbed, random = unembedded_url, vectors(catalog_url), Random(KILL_SEED)
    log_writes(url, seconds=0.02)
    execute(url, SLOW)

    def kill_in_pairs(instants: list[Instant]) -> None:
        for start in range(0, len(instants), 2):
            pair = instants[start : start + 2]
            names = [f"worker {start + at}" for at in range(len(pair))]
            workers = [fork_worker(name) for name in names]
            for worker, name, instant in zip(workers, names, pair, strict=True):
                kill(worker, name, url, instant, random)

    at_work = [*islice(cycle(WORK.values()), KILLS - KILLS // 4)]
    random.shuffle(at_work)
    kill_in_pairs(at_work)
    assert len(vectors(url)) < len(undisturbed)  # else the kills came too late to disturb
    execute(url, NOTICE_DEATHS)  # the server would otherwise build the index for nobody
    with psycopg.connect(url) as writer:
        writer.execute("LOCK TABLE embeddings_1 IN ROW EXCLUSIVE MODE")  # a build waits for it
        kill_in_pairs([INDEXING] * (KILLS // 4))

    done = cli(url, "embed")
    assert done.returncode == 0, done.stderr
    assert_complete(url)
    assert written(url) == sorted(undisturbed)  # each once
    for item_id, vector in vectors(url).items():
        assert cosine(vector.embedding, undisturbed[item_id].embedding) >= 0.9999
