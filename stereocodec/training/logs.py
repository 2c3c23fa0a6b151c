"""The logs of a run: train.csv and validation.csv, and the same numbers for TensorBoard where it is installed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import TrainingError
from ..files import write_atomically
from ..text import reason_of

TRAINING, VALIDATION = "train.csv", "validation.csv"
_LOGS = (TRAINING, VALIDATION)
_EVENTS = "events.out.tfevents.*"


class RunLogs:
    """Rows in the CSV files of a run's folder; the first column is the step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def begin(self) -> None:
        """Makes the folder, or removes the logs of a run that was killed in it before its first checkpoint.

        Raises TrainingError when the folder cannot be made.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"{self._folder} cannot be made a run's folder: {reason_of(error)}") from error
        for path in [*(self._folder / log for log in _LOGS), *self._folder.glob(_EVENTS)]:
            path.unlink(missing_ok=True)

    def rewind(self, step: int) -> None:
        """Removes the rows of later steps: those that a killed run logged after its checkpoint are logged again."""
        for log in _LOGS:
            _drop_rows(self._folder / log, after=step)

    def train(self, row: Mapping[str, Any]) -> None:
        """Adds a row of numbers, `step` first; None leaves a field empty."""
        _append_csv(self._folder / TRAINING, row)
        self._scalars("train/{}", row, row["step"])

    def validation(self, step: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes a row per quality in place of what was logged for this step before."""
        path = self._folder / VALIDATION
        _drop_rows(path, after=step - 1)
        for row in rows:
            _append_csv(path, {"step": step, **row})
            self._scalars(f"validation/{{}}/quality{100 * row['quality']:.0f}", row, step)

    @contextmanager
    def tensorboard(self, step: int) -> Iterator[None]:
        """In the `with` block rows go to TensorBoard too, from `step` on, where it is installed."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            yield
            return
        with SummaryWriter(str(self._folder), purge_step=step + 1) as self._writer:
            try:
                yield
            finally:
                self._writer = None

    def _scalars(self, tag: str, row: Mapping[str, Any], step: int) -> None:
        if self._writer is None:
            return
        for key, value in row.items():
            if key not in ("step", "quality") and value is not None:
                self._writer.add_scalar(tag.format(key), value, step)
        self._writer.flush()


def _append_csv(path: Path, row: Mapping[str, Any]) -> None:
    columns = _columns(path)
    with path.open("a", newline="", encoding="utf-8") as file:
        # A log that an earlier version began keeps its columns.
        writer = csv.DictWriter(file, columns or list(row), extrasaction="ignore" if columns else "raise")
        if not columns:
            writer.writeheader()
        writer.writerow({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()})


def _columns(path: Path) -> list[str]:
    """The columns of a log that was begun; a new one has none yet."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def _drop_rows(path: Path, *, after: int) -> None:
    if not path.exists():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    # A line without an end was being written when the run was killed.
    rows = [(line, line.partition(b",")[0]) for line in lines if line.endswith(b"\n")]
    kept = [line for line, step in rows if not step.isdigit() or int(step) <= after]
    if kept != lines:
        write_atomically(path, b"".join(kept), overwrite=True)
