"""Runs jobs on a Ray cluster: actors that hold the networks, on as many machines as there are.

Jobs and reports are paths and numbers, which pass through the head node; pictures and files do not: every machine reads
and writes them itself, so all of them need the folders under the same names, as on a network file system.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import StereoCodecError
from ..text import reason_of
from .engine import AHEAD
from .jobs import Job, Report, Work

_TRIES = 3  # of a job whose actor or machine died


class _Worker:
    """What an actor is: the networks, made once."""

    def __init__(self, make: Callable[[], Work[Any]]) -> None:
        import torch

        torch.set_num_threads(1)  # Ray counts one core for an actor
        self._work = make()

    def do(self, job: Any) -> Report:
        """The report of a job."""
        return self._work(job)


def run_ray(
    jobs: Sequence[Job],
    make: Callable[[], Work[Job]],
    processes: int | None = None,
    *,
    address: str | None = None,
    gpus: float = 0,
) -> Iterator[Report]:
    """Reports of the jobs as they are done, each once, by actors of a Ray cluster.

    A job whose actor dies is given to another one, twice, and then fails; Ray starts actors anew. Outputs are written
    atomically, so that a job that was done when its actor died is the same after it was done again.

    Args:
        jobs: whose paths mean the same on all machines.
        make: picklable, called once in each actor.
        processes: actors; one for each core of the cluster when left out.
        address: of a running cluster, as "ray://head:10001" or "auto"; a cluster of this machine is started when left
            out, and stopped at the end.
        gpus: share of a GPU that an actor holds.

    Raises StereoCodecError when Ray is not there or does not answer.
    """
    ray = _connected(address)
    try:
        cores = int(ray.cluster_resources().get("CPU", 1))
        count = min(processes or cores, len(jobs))
        share = min(1, cores / count) if count else 1
        # Retried by Ray itself, too, which then waits for an actor that it is starting anew.
        worker = ray.remote(num_cpus=share, num_gpus=gpus, max_restarts=-1, max_task_retries=1)(_Worker)
        yield from _run(ray, [worker.remote(make) for _ in range(count)], deque(jobs))
    finally:
        ray.shutdown()


def _run(ray: Any, actors: list[Any], waiting: deque[Job]) -> Iterator[Report]:
    running: dict[Any, tuple[Job, Any]] = {}
    tries: dict[str, int] = {}
    free = [actor for actor in actors for _ in range(AHEAD)]
    while waiting or running:
        while waiting and free:
            job, actor = waiting.popleft(), free.pop()
            running[actor.do.remote(job)] = job, actor
        (done,), _ = ray.wait(list(running), num_returns=1)
        job, actor = running.pop(done)
        free.insert(0, actor)
        try:
            yield ray.get(done)
        except ray.exceptions.RayError as error:
            tries[job.name] = tries.get(job.name, 0) + 1
            if tries[job.name] < _TRIES:
                waiting.append(job)
            else:
                yield Report(job.name, "failed", error=f"{_TRIES} workers died of it: {reason_of(error)}")


def _connected(address: str | None) -> Any:
    try:
        import ray
    except ImportError as error:
        raise StereoCodecError("Ray is not here: pip install 'stereocodec[ray]'") from error
    try:
        ray.init(address=address, include_dashboard=False if address is None else None, log_to_driver=False)
    except Exception as error:  # of many kinds
        where = "no Ray cluster can be started" if address is None else f"no Ray cluster answers at {address}"
        raise StereoCodecError(f"{where}: {reason_of(error)}") from error
    return ray
