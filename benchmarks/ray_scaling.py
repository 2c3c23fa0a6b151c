"""Pairs per second of Ray actors on this machine: encoding, and waiting as long as encoding takes.

    python benchmarks/ray_scaling.py --markdown docs/benchmarks.md

Encoding shows what the actors of this machine's cores do. Waiting needs no cores, so that more actors than cores show
what handing out jobs and collecting reports costs, as it would on a cluster; jobs that take no time, how many can be
handed out at all. Pairs are crops of the sample pair, coded without verification. All are counted from when every actor
has reported once, as actors take seconds to start.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from batch_speed import HEIGHT, WIDTH, crop
from markdown_tables import machine, publish, table

from stereocodec.batch.encoding import Encoder, EncodeSettings
from stereocodec.batch.jobs import EncodeJob, Report
from stereocodec.batch.ray_engine import run_ray

ENCODING, WAITING = (1, 2), (1, 2, 4, 8, 16)
JOBS = 8  # for each actor, of which the first does not count
EMPTY_JOBS, EMPTY_ACTORS = 3000, 4
HEADER = ["actors", "encoding", "times one", "waiting", "times one", "of what is possible"]


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="page whose marked block gets the table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        jobs = jobs_in(Path(name), JOBS * max(ENCODING))
        encode = partial(Encoder, EncodeSettings(verify=False, device="cpu", overwrite=True), {})
        encoding = {count: per_second(jobs[: JOBS * count], encode, count) for count in ENCODING}
        sizes = [mean_bytes(paths) for paths in ([(job.left, job.right) for job in jobs], [(j.output,) for j in jobs])]
    seconds = 1 / encoding[1]
    waits = [EncodeJob(str(number), Path(), None, Path()) for number in range(JOBS * max(WAITING))]
    empty = per_second(waits * (EMPTY_JOBS // len(waits)), partial(Waiting, 0.0), EMPTY_ACTORS)
    waiting = {count: per_second(waits[: JOBS * count], partial(Waiting, seconds), count) for count in WAITING}
    rows = [
        [
            str(count),
            *shown(encoding, count),
            *shown(waiting, count),
            f"{100 * waiting[count] * seconds / count:.0f} %",
        ]
        for count in WAITING
    ]
    text = f"Pairs of {WIDTH}x{HEIGHT}; waiting takes {seconds:.2f} s. {machine('stereocodec', 'torch', 'ray')}."
    found = f"A pair has {sizes[0] / 1000:.0f} kB, its file {sizes[1] / 1000:.0f} kB. Of jobs that take no time, "
    found += f"{empty:.0f} are handed out per second to {EMPTY_ACTORS} actors."
    publish(f"{text}\n\n{table(HEADER, rows)}\n\n{found}", "ray-scaling", arguments.markdown)


class Waiting:
    """Work that needs no core."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, job: EncodeJob) -> Report:
        time.sleep(self._seconds)
        return Report(job.name, "done")


def jobs_in(folder: Path, count: int) -> list[EncodeJob]:
    """Pairs to encode."""
    return [
        EncodeJob(str(number), *crop(folder / "in", number, (WIDTH, HEIGHT)), folder / "out" / f"{number}.bsc")
        for number in range(count)
    ]


def mean_bytes(files: list[tuple[Path, ...]]) -> float:
    """Of the files of a pair."""
    return sum(path.stat().st_size for paths in files for path in paths) / len(files)


def per_second(jobs: Sequence[EncodeJob], make: Callable[[], Any], actors: int) -> float:
    """Jobs per second from when as many are done as there are actors."""
    times = []  # and not when all is over: Ray takes a second to stop
    for report in run_ray(jobs, make, actors):
        if report.status != "done":
            raise SystemExit(report.error)
        times.append(time.perf_counter())
    return (len(jobs) - actors) / (times[-1] - times[actors - 1])


def shown(measured: dict[int, float], count: int) -> list[str]:
    """Pairs per second, and how many times those of one actor; nothing where it was not measured."""
    return [f"{measured[count]:.2f} / s", f"{measured[count] / measured[1]:.2f}"] if count in measured else ["", ""]


if __name__ == "__main__":
    main()
