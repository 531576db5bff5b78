"""The driver of Ray, a separate process that forwards the reports of a pipeline of Ray Data.

Ray prints to the terminal, takes over signals, and ends a process whose node dies, so it must not
run in the command's process.
"""

import os
import pickle
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, NamedTuple

import ray
import ray.data
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from app.errors import LookalikeError
from worker.embedding.engines.actors import Assignment, EmbeddingActor, Report, StopSignal

CORES = 4
"""Most cores for an actor without a GPU. A network keeps a few cores busy, not dozens, and each
actor keeps it in memory."""

SLICES = 120
"""Slices for each actor, an hour in total; then the actors are distributed again over the nodes."""


class Share(NamedTuple):
    """How a cluster is divided: the number of actors, and the resources of each."""

    actors: int
    cores: int
    gpus: int


def share_out(nodes: Iterable[Mapping[str, float]]) -> Share:
    """Divide a cluster into one actor for each GPU, or without GPUs for each group of cores.

    Args:
        nodes: the resources of each live node, with Ray's names.
    """
    cores = [int(node.get("CPU", 0)) for node in nodes]
    gpus = [int(node.get("GPU", 0)) for node in nodes]
    if any(gpus):
        per_gpu = min(core // gpu for core, gpu in zip(cores, gpus, strict=True) if gpu)
        return Share(sum(gpus), min(CORES, per_gpu), 1)
    size = min(CORES, max(cores, default=0)) or 1
    return Share(max(1, sum(core // size for core in cores)), size, 0)


def main(command: "Connection[Any, Any]") -> None:
    """Run one pipeline, until the command closes the connection.

    Args:
        command: the connection to the command. It sends the `Assignment`, then a message to end all
            slices. It receives `None` once there is a cluster, each `Report`, and `None` when the
            slices are used up; or an error.
    """
    try:
        assignment: Assignment = command.recv()
        ray.init(include_dashboard=False, log_to_driver=False)
        command.send(None)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        stop_signal = ray.remote(num_cpus=0, scheduling_strategy=here)(StopSignal).remote()
        Thread(target=_report, args=(assignment, stop_signal, command), daemon=True).start()
        while True:
            command.recv()
            ray.get(stop_signal.set.remote())
    except EOFError:
        pass
    except Exception as error:
        command.send(_described(error))
    finally:
        ray.shutdown()
        os._exit(0)  # the thread may still wait for a report


def _report(assignment: Assignment, stop_signal: Any, command: "Connection[Any, Any]") -> None:
    with suppress(OSError):  # the command has ended
        try:
            for report in _reports(assignment, stop_signal):
                command.send(report)
            command.send(None)
        except Exception as error:
            command.send(_described(error))


def _described(error: Exception) -> LookalikeError:
    """Return an error of Ray as a one-line error."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return LookalikeError(
        f"Ray failed ({lines[-1].strip()}): its logs say more; correct "
        "RAY_ADDRESS, or run the command again to go on"
    )


def _reports(assignment: Assignment, stop_signal: Any) -> Iterator[Report]:
    share = share_out([node["Resources"] for node in ray.nodes() if node["Alive"]])
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    slices = SLICES * share.actors  # each is a block, since Ray runs a task for each block
    pipeline = ray.data.from_items(list(range(slices)), override_num_blocks=slices).map_batches(
        EmbeddingActor,
        fn_constructor_args=[assignment, stop_signal],
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=share.actors, max_tasks_in_flight_per_actor=1),
        num_cpus=share.cores,
        num_gpus=share.gpus or None,
        # Otherwise each actor's TensorFlow would use all cores of the node.
        runtime_env={"env_vars": {"TF_NUM_INTRAOP_THREADS": str(share.cores)}},
    )
    for rows in pipeline.iter_batches(batch_size=None, prefetch_batches=0):
        for report in rows["report"]:
            yield pickle.loads(report)  # noqa: S301 - made by our own actors


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])))
