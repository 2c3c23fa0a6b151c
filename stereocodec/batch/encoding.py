"""Encodes the pairs of a batch: what one process does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..calibration import read_calibration, with_calibration
from ..choices import Choices
from ..container import Container, Metadata
from ..depth_settings import DepthSettings
from ..errors import OutputError
from ..files import made_folder, write_atomically
from ..noted import noted
from ..pictures.array_files import load_view
from ..pictures.open_pair import open_pair
from ..pictures.picture import StereoPair, as_pair
from ..releases.folders import read_config
from ..targets import target_of
from .frames import Frame, encode_frame, measured_frame, open_frame
from .jobs import EncodeJob, Report, failed
from .manifest import is_whole, sha256_of

_GOAL = ("quality", "target_size", "target_bpp", "target_psnr", "effort")
_CHANGES_NOTHING = ("model", "device", "verify", "overwrite")  # the id of the model stands for it


@dataclass(frozen=True)
class EncodeSettings:
    """What is the same for all pairs; the fields are those of `StereoCodec.from_pretrained`, `compress`, `open_pair`.

    depth: what is said of depth where all are frames of colour with depth, None where all are pairs.
    calibration: files of what the cameras know (`read_calibration`), beside what pictures say; read for each pair,
    whose folders tell which of several cameras took it. calibration_unit: of lengths in them.
    verify: whether each file is decoded, which gives its PSNR. keep_metadata: whether files hold what pictures say.
    overwrite: whether files that this batch did not write, or of other pictures or settings, may be written over.
    """

    model: str | None = None
    device: str = "auto"
    quality: float | None = None
    target_size: int | None = None
    target_bpp: float | None = None
    target_psnr: float | None = None
    effort: int | None = None
    layout: str | None = None
    swap: bool = False
    background: str | None = None
    calibration: tuple[str, ...] = ()
    calibration_unit: str | float | None = None
    keep_metadata: bool = True
    verify: bool = True
    overwrite: bool = False
    depth: DepthSettings | None = None

    @property
    def goal(self) -> dict[str, Any]:
        """Quality, targets and effort, by the names of `encode`."""
        return {name: getattr(self, name) for name in _GOAL}


class Encoder:
    """Encodes one pair after the other; picklable, the networks are loaded when they are needed first."""

    def __init__(self, settings: EncodeSettings, done: dict[str, Report]) -> None:
        """done: reports of an earlier run, whose files are skipped where they are whole and the content is the same."""
        self.settings = settings
        self._done = done

    @cached_property
    def codec(self) -> Any:
        """The `StereoCodec`, or `RgbdCodec` of frames."""
        from ..codec import StereoCodec
        from ..rgbd_codec import RgbdCodec

        codec = StereoCodec if self.settings.depth is None else RgbdCodec
        return codec.from_pretrained(self.settings.model, device=self.settings.device)

    def __call__(self, job: EncodeJob) -> Report:
        """Encodes a pair; whatever is wrong with it is told and not raised."""
        try:
            content = _content(job, self.settings, self.codec.model_id)
            earlier = self._done.get(job.name)
            is_known = earlier is not None and earlier.content == content
            if earlier is not None and is_known and is_whole(job.output, earlier.sha256):
                return replace(earlier, status="skipped")
            return self._encoded(job, content, overwrite=is_known or self.settings.overwrite)
        except Exception as error:
            return failed(job, error)

    def _encoded(self, job: EncodeJob, content: str, *, overwrite: bool) -> Report:
        settings = self.settings
        with noted() as doubts:
            opened = _opened(job, settings)
            container = self._coded(opened)
        data = container.to_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        # The same bytes are there where a process died before its report was known.
        if not overwrite and job.output.exists() and not is_whole(job.output, sha256):
            raise OutputError("it was made of other pictures or by other settings: use -f to write over it")
        measured = self._measured(opened, data) if settings.verify else {}
        with made_folder(job.output.parent):
            write_atomically(job.output, data, overwrite=True)
        width, height = container.shown_size
        return Report(
            job.name,
            "done",
            str(job.output),
            width=width,
            height=height,
            quality=container.quality if self.codec.has_qualities else None,
            size=len(data),
            bpp=(4 if settings.depth is None else 8) * len(data) / (width * height),
            **measured,
            model=container.model_id.hex(),
            content=content,
            sha256=sha256,
            warnings=tuple(doubts),
        )

    def _coded(self, opened: StereoPair | Frame) -> Container:
        settings = self.settings
        if isinstance(opened, Frame):
            assert settings.depth is not None
            return encode_frame(self.codec, opened, settings.depth, settings.goal)
        coded: Container = self.codec.encode(opened, **settings.goal)
        return coded

    def _measured(self, opened: StereoPair | Frame, data: bytes) -> dict[str, Any]:
        if isinstance(opened, Frame):
            return measured_frame(self.codec, opened, data)
        left, right = self.codec.psnr(data, opened)
        return {"psnr_left": left, "psnr_right": right}


def check_choices(settings: EncodeSettings, folder: Path) -> None:
    """Raises what `StereoCodec.compress` would for every pair of quality, targets and effort with a release."""
    targets = settings.target_size, settings.target_bpp, settings.target_psnr
    if all(value is None for value in (settings.quality, settings.effort, *targets)):
        return
    from ..models import ARCHITECTURES

    config = read_config(folder)
    found = ARCHITECTURES.get(str(config.get("architecture")))
    if found is None:  # what loads the release says so
        return
    choices = Choices(str(config.get("name")), found.model.has_qualities, found.model.has_efforts)
    choices.quality(settings.quality, target_of(*targets, pixels=1))
    choices.effort(settings.effort)


def _opened(job: EncodeJob, settings: EncodeSettings) -> StereoPair | Frame:
    """The pair or frame of a job, with what is to be kept and told of it."""
    if settings.depth is not None:
        frame = open_frame(job, settings.depth, settings.background)
        return frame.with_metadata(_kept(frame.metadata, job, settings, frame.size))
    pair = _read(job, settings)
    height, width = pair.left.pixels.shape[:2]
    return replace(pair, metadata=_kept(pair.metadata, job, settings, (width, height)))


def _kept(metadata: Metadata, job: EncodeJob, settings: EncodeSettings, size: tuple[int, int]) -> Metadata:
    """What a file says beside its pictures, of a width and height."""
    metadata = metadata if settings.keep_metadata else metadata.layout_alone()
    if settings.calibration:
        views = [path for path in (job.left, job.right) if path is not None]
        views = views[::-1] if settings.swap else views
        told = views if len(views) == 2 or settings.depth is not None else ()
        known = read_calibration(*settings.calibration, views=told, unit=settings.calibration_unit)
        metadata = with_calibration(metadata, known, size, " and ".join(settings.calibration))
    return metadata


def _read(job: EncodeJob, settings: EncodeSettings) -> StereoPair:
    if job.right is None:
        return open_pair(job.left, layout=settings.layout, swap=settings.swap, background=settings.background)
    left, right = (load_view(path, str(path), settings.background) for path in (job.left, job.right))
    return as_pair(right, left) if settings.swap else as_pair(left, right)


def _content(job: EncodeJob, settings: EncodeSettings, model_id: bytes) -> str:
    """SHA-256 of the pictures' files and of all that changes what is made of them."""
    changing = {name: value for name, value in asdict(settings).items() if name not in _CHANGES_NOTHING}
    changing["calibration"] = len(settings.calibration)  # wherever the files lie; what they hold follows
    changing["layout of depth"] = job.depth_unit
    digest = hashlib.sha256(json.dumps([changing, model_id.hex()], sort_keys=True).encode())
    for path in filter(None, (job.left, job.right, job.depth, *map(Path, settings.calibration))):
        digest.update(sha256_of(path))
    return digest.hexdigest()
