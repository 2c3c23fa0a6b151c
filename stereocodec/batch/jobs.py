"""What one process does for one pair, and what it tells of it; plain values that travel between processes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from ..errors import StereoCodecError, ran_out_of_memory
from ..text import one_line, reason_of


@dataclass(frozen=True)
class EncodeJob:
    """A pair or a frame to encode.

    name: what it is called in reports, unique. left, right: files; right is None where left holds both views, or is the
    picture of colour of a frame. output: the `.bsc` file, whose folder is made. depth: of a frame; depth_unit: that of
    its data set's layout (`datasets.frames.FrameFiles`).
    """

    name: str
    left: Path
    right: Path | None
    output: Path
    depth: Path | None = None
    depth_unit: str | None = None


@dataclass(frozen=True)
class DecodeJob:
    """A `.bsc` file to decode. output: how the names of its pictures begin, with
    their folder; None to check it without writing.
    """

    name: str
    file: Path
    output: Path | None


@dataclass(frozen=True)
class Report:
    """What became of a job.

    status: "done", "skipped" (it was done before, by these settings) or "failed". error: one line, of failures.
    size: bytes of the `.bsc` file. psnr_left, psnr_right: dB, where the file was decoded to check it; of frames
    psnr_color, and depth_rmse_mm and depth_largest_mm, the errors of depth in millimetres. content: SHA-256
    of the inputs and settings, none of failures, so that they are tried again; sha256: of the `.bsc` file. pictures:
    the names of those that were decoded, which lie together, and SHA-256 of each.
    """

    name: str
    status: str
    file: str = ""
    error: str = ""
    width: int | None = None
    height: int | None = None
    quality: float | None = None
    size: int | None = None
    bpp: float | None = None
    psnr_left: float | None = None
    psnr_right: float | None = None
    psnr_color: float | None = None
    depth_rmse_mm: float | None = None
    depth_largest_mm: float | None = None
    model: str = ""
    content: str = ""
    sha256: str = ""
    pictures: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = field(default=())

    def row(self) -> dict[str, Any]:
        """Its fields, without those that are empty or no number of JSON, as the PSNR of equal views."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "", (), {}, math.inf)}


Job = TypeVar("Job", EncodeJob, DecodeJob)
Work = Callable[[Job], Report]
"""What a process does for each job, with networks that it keeps; it raises nothing."""


def failed(job: EncodeJob | DecodeJob, error: Exception) -> Report:
    """The report of a job that raised an exception."""
    file = job.output if isinstance(job, EncodeJob) else job.file
    return Report(job.name, "failed", str(file), _explained(error))


def _explained(error: Exception) -> str:
    if isinstance(error, StereoCodecError):
        return one_line(error)
    if ran_out_of_memory(error):
        return "not enough memory"
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"{one_line(error.filename)}: no such file"
    if isinstance(error, OSError) and error.strerror is not None:
        return ": ".join(one_line(part) for part in (error.filename, error.strerror) if part is not None)
    return f"unexpected {type(error).__name__}: {reason_of(error)}"


COLUMNS = tuple(f.name for f in fields(Report) if f.name != "warnings")
