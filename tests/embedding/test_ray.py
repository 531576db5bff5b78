"""`lookalike embed --engine ray`, on a real cluster of two nodes: the same vectors, each once."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.conftest import Cli, Start, cli_environment
from tests.support.commands import run_apart
from tests.support.vectors import assert_complete, cosine, log_writes, vectors, writes_held, written
from tests.support.waiting import DEADLINE, execute, read_until, wait_until
from worker.embedding.worker import BATCH_WORKERS

if TYPE_CHECKING:  # Ray is for the process that runs these tests, not for all that collect them
    from ray.cluster_utils import Cluster

pytestmark = pytest.mark.slow

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
EMBED = ("embed", "--engine", "ray")


@pytest.fixture(scope="module")
def cluster() -> "Iterator[Cluster]":
    """A cluster of two nodes with one core each, which commands find by `RAY_ADDRESS`."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray keeps a token in the person's home
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        running = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        running.add_node(**NODE)
        patch.setenv("RAY_ADDRESS", running.address)
        yield running
        running.shutdown()


def actors_of(node: Any) -> list[psutil.Process]:
    """The processes of a node that run an actor of ours."""
    ((raylet,),) = (node.all_processes[kind] for kind in node.all_processes if kind == "raylet")
    children = psutil.Process(raylet.process.pid).children()
    return [
        child for child in children if any("EmbeddingActor" in word for word in child.cmdline())
    ]


@pytest.mark.usefixtures("cluster")
def test_two_nodes_make_the_vectors_of_the_local_engine(
    unembedded_url: str, catalog_url: str, start: Start, cli: Cli
) -> None:
    url = unembedded_url
    local = vectors(catalog_url)
    log_writes(url)
    with writes_held(url) as waiting:
        worker = start(url, *EMBED, LOOKALIKE_BATCH_SIZE="4")
        wait_until(
            lambda: waiting() == 2 * BATCH_WORKERS
        )  # on either node an actor, each with its batches
    output, errors = worker.communicate(timeout=DEADLINE)
    assert worker.returncode == 0, errors
    embedded, indexed = output.splitlines()
    assert embedded.startswith(f"compact: {len(local)} embedded, 0 failed in ")
    assert indexed.startswith("compact: index built in ")
    said = [line for line in errors.replace("\r", "\n").splitlines() if line]
    assert {line.partition(":")[0] for line in said} == {"embedding with compact"}  # Ray is quiet
    assert_complete(url)
    assert written(url) == sorted(local)  # each once
    for item_id, vector in vectors(url).items():
        assert cosine(vector.embedding, local[item_id].embedding) >= 0.9999

    done = cli(url, *EMBED)
    assert (done.returncode, done.stdout) == (0, "compact: nothing to embed\n")


def test_a_signal_ends_the_batches_of_all_nodes(
    unembedded_url: str, cluster: "Cluster", start: Start
) -> None:
    url = unembedded_url
    with writes_held(url) as waiting:
        worker = start(url, *EMBED, LOOKALIKE_BATCH_SIZE="4")
        wait_until(lambda: waiting() == 2 * BATCH_WORKERS)
        worker.send_signal(signal.SIGTERM)
        read_until(worker, "once more to stop at once")
    output, errors = worker.communicate(timeout=DEADLINE)
    assert worker.returncode == 1
    assert errors.endswith(
        "lookalike: stopped before the end: run `lookalike embed` again to go on\n"
    )
    (count,) = execute(url, "SELECT count(*) FROM embeddings")[0]
    assert output.startswith(f"compact: {count} embedded, 0 failed in ")
    attempts = execute(url, "SELECT DISTINCT attempts FROM embedding_jobs")
    assert attempts == [(0,)]  # none was broken off
    wait_until(lambda: not any(actors_of(node) for node in cluster.list_all_nodes()))


def test_a_node_is_killed_mid_run(
    unembedded_url: str, catalog_url: str, cluster: "Cluster", start: Start
) -> None:
    url = unembedded_url
    photos = sorted(vectors(catalog_url))
    log_writes(url)
    (node,) = cluster.worker_nodes
    with writes_held(url) as waiting:
        worker = start(url, *EMBED, LOOKALIKE_BATCH_SIZE="4")
        wait_until(lambda: waiting() == 2 * BATCH_WORKERS)
        (actor,) = actors_of(node)
        cluster.remove_node(node, allow_graceful=False)
        psutil.wait_procs([actor], DEADLINE)
        assert not actor.is_running()
    output, errors = worker.communicate(timeout=DEADLINE)
    assert worker.returncode == 0, errors
    assert output.startswith(f"compact: {len(photos)} embedded, 0 failed in ")
    assert written(url) == photos  # each once
    assert_complete(url)


def test_without_ray_it_says_what_to_install(
    unembedded_url: str, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "ray.py").write_text("raise ImportError('as if it were not there')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run_apart([*EMBED], cli_environment(unembedded_url, home, PYTHONPATH=path))
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "lookalike: --engine ray needs more packages: pip install 'lookalike[ray]'\n",
    )


def test_each_gpu_or_group_of_cores_has_an_actor() -> None:
    from worker.embedding.engines.driver import CORES, Share, share_out

    clusters: list[tuple[list[dict[str, float]], Share]] = [
        ([{"CPU": 1.0}, {"CPU": 1.0}], Share(2, 1, 0)),
        ([{"CPU": 16.0}, {"CPU": 9.0}, {"CPU": 2.0}], Share(6, CORES, 0)),
        ([{"CPU": 64.0, "GPU": 8.0}, {"CPU": 64.0}], Share(8, CORES, 1)),
        ([{"CPU": 4.0, "GPU": 2.0}, {"CPU": 16.0, "GPU": 1.0}], Share(3, 2, 1)),
        ([{}], Share(1, 1, 0)),
    ]
    for nodes, share in clusters:
        assert share_out(nodes) == share
