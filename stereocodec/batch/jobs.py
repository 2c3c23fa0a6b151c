"""What one process does for one pair, and what it tells of it; plain values that travel between processes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class EncodeJob:
    """A pair to encode.

    name: what it is called in reports, unique. left, right: files; right is None where left holds both views. output:
    the `.bsc` file, whose folder is made.
    """

    name: str
    left: Path
    right: Path | None
    output: Path


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
    size: bytes of the `.bsc` file. psnr_left, psnr_right: dB, where the file was decoded to check it. content: SHA-256
    of the inputs and settings; sha256: of the `.bsc` file.
    """

    name: str
    status: str
    file: str = ""
    error: str = ""
    width: int = 0
    height: int = 0
    quality: float | None = None
    size: int = 0
    bpp: float | None = None
    psnr_left: float | None = None
    psnr_right: float | None = None
    model: str = ""
    content: str = ""
    sha256: str = ""
    warnings: tuple[str, ...] = field(default=())

    def row(self) -> dict[str, Any]:
        """Its fields, without those that are empty."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "", (), 0)}


COLUMNS = tuple(f.name for f in fields(Report) if f.name != "warnings")
