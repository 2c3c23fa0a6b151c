"""One point: files written, read back and compared, with the time and the memory that took; or taken from the cache."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from ..container import Container
from ..entropy.guard import count_entries
from ..errors import FormatError, StereoCodecError
from ..files import write_atomically
from ..text import reason_of
from .codecs.base import Codec
from .datasets import EvaluationPair
from .metrics import View, ms_ssim, psnr
from .points import Point
from .tools import RSS_UNIT, tool_peak

_VERSION = 1  # of what is measured and how; a change makes earlier results invalid
_MIB = 2**20


@dataclass(frozen=True)
class Task:
    """A point to measure; `content` is the hash of both views."""

    codec: Codec
    pair: EvaluationPair
    content: str
    setting: float

    @property
    def label(self) -> str:
        """The setting as points name it."""
        return self.codec.scale.label(self.setting)

    def key(self, identity: str) -> str:
        """What the result is stored under: the content, the codec with all its options and versions, the setting."""
        named = json.dumps([_VERSION, self.content, self.codec.name, identity, self.label])
        return hashlib.sha256(named.encode()).hexdigest()[:32]


class Failure(NamedTuple):
    """A point that could not be measured."""

    codec: str
    pair: str
    setting: str
    reason: str


class Cache:
    """Results in a folder: points by their keys, and their files, which are kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._points = folder / "cache"
        self._points.mkdir(parents=True, exist_ok=True)

    def find(self, task: Task, key: str) -> Point | None:
        """A stored point whose files are still there, under the pair's present name and group."""
        try:
            stored = json.loads((self._points / f"{key}.json").read_text(encoding="utf-8"))
            point = Point(**{**stored, "pair": task.pair.name, "group": task.pair.group})
            sizes = sum((self.folder / name).stat().st_size for name in point.files.split())
        except (OSError, ValueError, TypeError, AttributeError):  # missing, damaged or of another version
            return None
        return point if sizes == point.file_bytes else None

    def store(self, point: Point) -> None:
        """Keeps a point under its key."""
        write_atomically(self._points / f"{point.key}.json", json.dumps(asdict(point)).encode(), overwrite=True)

    def stem(self, task: Task, key: str) -> Path:
        """Where a point's files go; their names begin so."""
        folder = self.folder / "files" / safe_name(task.codec.name)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{safe_name(task.pair.name)}_{safe_name(task.label)}_{key[:8]}"


def safe_name(text: str) -> str:
    """A text as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_.+@-]", "-", text)[:80]


def measure(task: Task, folder: Path) -> Point | Failure:
    """The point of a task, from the cache in `folder` or measured; never raises for a codec that fails."""
    try:
        cache, identity = Cache(folder), task.codec.identity()
        key = task.key(identity)
        found = cache.find(task, key)
        if found is None:
            found = _measured(task, cache, key)
            cache.store(found)
        return found
    except StereoCodecError as error:
        reason = str(error)
    except MemoryError:
        reason = "not enough memory"
    except Exception as error:  # the codecs are other people's programs: whatever comes up is this point's failure
        reason = f"{type(error).__name__}: {reason_of(error)[:300]}"
    return Failure(task.codec.name, task.pair.name, task.label, reason)


def _measured(task: Task, cache: Cache, key: str) -> Point:
    views = task.pair.load()
    stem = cache.stem(task, key)
    _prepare(task)
    idle = _reset_peak()
    start = _clock()
    files = task.codec.encode(views, task.setting, stem)
    encoded = _clock()
    decoded = task.codec.decode(files, views[0].shape)
    end = _clock()
    peak = tool_peak.bytes or _peak()
    for view, original in zip(decoded, views, strict=True):
        if view.shape != original.shape or view.dtype != original.dtype:
            raise FormatError(f"decoded to {view.dtype} {view.shape}, not to {original.dtype} {original.shape}")
    quality, similarity = _qualities(views, decoded)
    file_bytes = sum(path.stat().st_size for path in files)
    return Point(
        codec=task.codec.name,
        pair=task.pair.name,
        group=task.pair.group,
        setting=task.label,
        file_bytes=file_bytes,
        bpp=8 * file_bytes / (2 * views[0].shape[0] * views[0].shape[1]),
        psnr_left=quality[0],
        psnr_right=quality[1],
        psnr=sum(quality) / 2,
        msssim=sum(similarity) / 2,
        enc_s=encoded.cpu - start.cpu,
        dec_s=end.cpu - encoded.cpu,
        msssim_left=similarity[0],
        msssim_right=similarity[1],
        guard_entries=_guard_entries(files),
        model_id=getattr(task.codec, "model_id", ""),
        enc_wall_s=encoded.wall - start.wall,
        dec_wall_s=end.wall - encoded.wall,
        peak_mb=None if peak is None else peak / _MIB,
        idle_mb=None if idle is None else idle / _MIB,
        key=key,
        files=" ".join(path.relative_to(cache.folder).as_posix() for path in files),
    )


def _qualities(views: Sequence[View], decoded: Sequence[View]) -> tuple[list[float], list[float]]:
    both = list(zip(views, decoded, strict=True))
    return [psnr(a, b) for a, b in both], [ms_ssim(a, b) for a, b in both]


def _prepare(task: Task) -> None:
    """Loads weights before the clock starts."""
    prepare = getattr(task.codec, "prepare", None)
    if prepare is not None:
        prepare(task.setting)


def _guard_entries(files: Sequence[Path]) -> int | None:
    if files[0].suffix != ".bsc":
        return None
    return count_entries(Container.from_bytes(files[0].read_bytes()).bands[0].guard)


class _Times(NamedTuple):
    cpu: float
    wall: float


def _clock() -> _Times:
    """Seconds of all threads and of finished child processes, and seconds on the wall."""
    return _Times(sum(os.times()[:4]), time.perf_counter())


def _reset_peak() -> int | None:
    """Forgets the peak memory so far, where Linux lets a process do so; the bytes that are held now."""
    tool_peak.reset()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def _peak() -> int | None:
    """The largest resident memory in bytes, since the reset on Linux, of the whole process elsewhere."""
    found = _status("VmHWM")
    if found is not None:
        return found
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def _status(name: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)
