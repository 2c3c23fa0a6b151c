"""A whole batch: what is to be done is done, told while it is, and listed at the end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..calibration import read_calibration
from ..files import made_folder
from ..releases.folders import DEFAULT_MODEL
from ..releases.hub import locate
from .decoding import Decoder, DecodeSettings
from .encoding import Encoder, EncodeSettings, check_choices
from .engine import run
from .jobs import DecodeJob, EncodeJob, Report
from .manifest import DECODED, ENCODED, read_manifest, write_manifest

Tell = Callable[[Report], object]
Engine = Callable[[Sequence[EncodeJob], Callable[[], Encoder], int | None], Iterable[Report]]
_WRITE_EVERY = 100  # reports: a run that is killed forgets no more of them


def encode_all(
    jobs: Sequence[EncodeJob],
    folder: Path,
    settings: EncodeSettings,
    *,
    processes: int | None = 1,
    tell: Tell = lambda report: None,
    engine: Engine | None = None,
) -> Counter[str]:
    """Encodes all pairs into a folder, and lists them in its `manifest.csv`.

    What a manifest lists with the same content and settings is skipped where its file is whole. Pairs that fail stop
    no others; they are in the manifest with their error.

    Args:
        jobs: the pairs; their outputs lie in `folder`.
        folder: made if it is not there.
        settings: the same for all.
        processes: 1 works in this one; one for each core when None.
        tell: called with each report when its pair is done.
        engine: another way to run jobs than in processes of this machine, e.g. `ray_engine.run_ray`.

    Returns how many pairs are done, skipped and failed. Raises what `locate` raises of a model that is not here,
    InvalidInput for a quality, target or effort that the model does not have, what `read_calibration` raises,
    OutputError and InvalidInput of a manifest that cannot be written or read, and StereoCodecError when processes
    cannot be started.
    """
    # What is wrong with the model, with what is asked of it or with a calibration is no pair's fault.
    located = locate(DEFAULT_MODEL if settings.model is None else settings.model)
    if settings.model is not None:  # the default one has qualities and efforts
        check_choices(settings, located.folder)
    if settings.calibration:
        read_calibration(*settings.calibration, unit=settings.calibration_unit)
        settings = replace(settings, calibration=tuple(map(os.path.abspath, settings.calibration)))

    def work(done: dict[str, Report]) -> Iterable[Report]:
        return (engine or run)(jobs, partial(Encoder, settings, done), processes)

    with made_folder(folder):
        return _listed(folder / ENCODED, work, tell)


def decode_all(
    jobs: Sequence[DecodeJob],
    folder: Path,
    settings: DecodeSettings,
    *,
    processes: int | None = 1,
    tell: Tell = lambda report: None,
) -> Counter[str]:
    """Decodes all files into a folder, and lists them in its `decoded.csv`.

    What is listed there of the same file and settings is skipped where its pictures are whole. Arguments, and what is
    returned and raised, are those of `encode_all`, but that a model is needed when a file asks for it.
    """

    def work(done: dict[str, Report]) -> Iterable[Report]:
        return run(jobs, partial(Decoder, settings, done), processes)

    with made_folder(folder):
        return _listed(folder / DECODED, work, tell)


def _listed(manifest: Path, work: Callable[[dict[str, Report]], Iterable[Report]], tell: Tell) -> Counter[str]:
    """Does work, given the reports of an earlier run, and lists its reports."""
    counts: Counter[str] = Counter()
    known = read_manifest(manifest)
    try:
        for report in work(dict(known)):
            counts[report.status] += 1
            known[report.name] = replace(report, status="done") if report.status == "skipped" else report
            tell(report)
            if counts.total() % _WRITE_EVERY == 0:
                write_manifest(manifest, known.values())
    finally:
        write_manifest(manifest, known.values())
    return counts
