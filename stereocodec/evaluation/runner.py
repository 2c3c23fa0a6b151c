"""All points of an evaluation, in several processes; what is in the cache is not measured again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InvalidInput, StereoCodecError
from ..spawned import spawned_processes
from .codecs.base import PICTURE_CODECS, Codec
from .codecs.video import VIDEO_CODECS
from .codecs.zoo import ZOO_CODECS
from .datasets import Dataset, EvaluationPair, Problem, usable
from .matching import next_setting
from .measure import Cache, Failure, Task, measure
from .points import Point

Progress = Callable[[int, int, str], object]
"""Called with the number of points that are done, of all, and what the last one was."""

ALIASES = {"jpeg": "jpeg420", "jpeg2000": "jp2", "x265": "hevc_ip", "x265-intra": "hevc_ii", "av1": "av1_ip"}
ANCHORS: dict[str, Codec] = {codec.name: codec for codec in (*PICTURE_CODECS, *VIDEO_CODECS)}
LEARNED_ANCHORS: dict[str, Codec] = {codec.name: codec for codec in ZOO_CODECS}


@dataclass
class Run:
    """What was measured: points of the curves, points of equal size for the pictures, and what is missing."""

    dataset: Dataset
    codecs: list[Codec]
    points: list[Point] = field(default_factory=list)
    matched: list[Point] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every pair and point was measured; codecs whose tools are missing do not count."""
        return not (self.failures or self.dataset.problems)


def find_anchor(name: str) -> Codec:
    """A codec to compare with, by its name or one of ALIASES. Raises InvalidInput for another name."""
    anchors = ANCHORS | LEARNED_ANCHORS
    found = anchors.get(ALIASES.get(name, name))
    if found is None:
        known = {new: old for old, new in ALIASES.items()}
        raise InvalidInput(f"unknown codec '{name}'; known are {', '.join(known.get(n, n) for n in anchors)}")
    return found


def evaluate(
    dataset: Dataset,
    codecs: Sequence[Codec],
    folder: Path,
    *,
    jobs: int = 1,
    shown: Sequence[str] = (),
    progress: Progress = lambda done, of, what: None,
) -> Run:
    """Measures every codec at every setting on every pair.

    Args:
        dataset: the pairs; those that cannot be used are left out and named.
        codecs: the first is the one whose file sizes the pictures of the report are compared at.
        folder: of the results; the cache in it is used and filled.
        jobs: processes; each is started anew, so that this process keeps its threads and memory.
        shown: names of the pairs that are coded by all codecs to about the size of the first one's.

    Raises InvalidInput: no pair can be used, or two codecs have one name. StereoCodecError: a process died.
    """
    names = [codec.name for codec in codecs]
    if len(set(names)) < len(names):
        raise InvalidInput(
            f"two codecs are called {next(n for n in names if names.count(n) > 1)}: each needs its own name"
        )
    hashes, dataset = usable(dataset)
    if not dataset.pairs:
        problem = dataset.problems[0]
        raise InvalidInput(f"no pair can be used of {len(dataset.problems)}; {problem.name}: {problem.reason}")
    run = Run(dataset, [])
    for codec in codecs:
        reason = codec.missing()
        if reason is None:
            run.codecs.append(codec)
        else:
            run.skipped.append(Problem(codec.name, reason))
    tasks = [
        Task(codec, pair, hashes[pair.name], setting)
        for codec in run.codecs
        for pair in dataset.pairs
        for setting in codec.scale.measured
    ]
    with _Pool(folder, jobs, progress) as pool:
        for found in pool.run(tasks):
            _file(found, run.points, run)
        run.matched = _matched(run, [p for p in dataset.pairs if p.name in shown], hashes, pool)
    return run


def _file(found: Point | Failure, points: list[Point], run: Run) -> None:
    if isinstance(found, Point):
        points.append(found)
    else:
        run.failures.append(found)


TARGET_BPP = 0.25
"""Bits per view pixel near which the pictures of a report are compared."""


def _matched(run: Run, pairs: Sequence[EvaluationPair], hashes: dict[str, str], pool: _Pool) -> list[Point]:
    """For each pair, a point of every codec whose file has about the size of the first codec's."""
    wanted: dict[tuple[str, str], list[Point]] = {}
    goals: dict[str, float] = {}
    for pair in pairs:
        of_pair = [p for p in run.points if p.pair == pair.name]
        first = [p for p in of_pair if p.codec == run.codecs[0].name]
        if not first:
            continue
        goals[pair.name] = min(first, key=lambda p: abs(p.bpp - TARGET_BPP)).bpp
        for codec in run.codecs:
            curve = [p for p in of_pair if p.codec == codec.name]
            if curve:
                wanted[pair.name, codec.name] = curve
    by_name = {pair.name: pair for pair in pairs}
    codecs = {codec.name: codec for codec in run.codecs}
    for _ in range(3):
        tasks = []
        for (pair_name, codec_name), curve in wanted.items():
            setting = next_setting(codecs[codec_name].scale, curve, goals[pair_name])
            if setting is not None:
                tasks.append(Task(codecs[codec_name], by_name[pair_name], hashes[pair_name], setting))
        for found in pool.run(tasks):
            if isinstance(found, Point):
                wanted[found.pair, found.codec].append(found)
            else:
                run.failures.append(found)
    return [min(curve, key=lambda p: abs(p.bpp - goals[pair])) for (pair, _), curve in wanted.items()]


class _Pool:
    """Measuring processes, started when there is something to measure."""

    def __init__(self, folder: Path, jobs: int, progress: Progress) -> None:
        self._folder, self._jobs, self._progress = folder, jobs, progress
        self._processes: ProcessPoolExecutor | None = None
        self._done = self._all = 0
        self._cache = Cache(folder)

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._processes is not None:
            self._processes.shutdown(wait=kind is None, cancel_futures=True)

    def run(self, tasks: Sequence[Task]) -> list[Point | Failure]:
        """The results in the order of the tasks."""
        self._all += len(tasks)
        identities: dict[str, str] = {}
        results: list[Point | Failure | None] = []
        for task in tasks:
            identity = identities.setdefault(task.codec.name, "") or task.codec.identity()
            identities[task.codec.name] = identity
            results.append(self._cache.find(task, task.key(identity)))
            if results[-1] is not None:
                self._tell(task)
        missing = [i for i, result in enumerate(results) if result is None]
        if missing:
            self._measure(tasks, missing, results)
        return [result for result in results if result is not None]

    def _measure(self, tasks: Sequence[Task], missing: Iterable[int], results: list[Point | Failure | None]) -> None:
        if self._processes is None:
            self._processes = spawned_processes(self._jobs, _start, self._jobs)
        running = {self._processes.submit(measure, tasks[i], self._folder): i for i in missing}
        try:
            for future in as_completed(running):
                results[running[future]] = future.result()
                self._tell(tasks[running[future]])
        except BrokenProcessPool as error:
            raise StereoCodecError(
                "a measuring process died, maybe for lack of memory: run the same again with fewer --jobs; what is "
                "measured is kept"
            ) from error

    def _tell(self, task: Task) -> None:
        self._done += 1
        self._progress(self._done, self._all, f"{task.codec.name} {task.pair.name} {task.label}")


def _start(jobs: int) -> None:
    """Gives a measuring process its share of PyTorch's threads, and silences libraries' warnings."""
    import torch  # late: a process that measures no networks starts faster without it

    warnings.simplefilter("ignore")
    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))
