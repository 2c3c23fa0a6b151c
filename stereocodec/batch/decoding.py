"""Decodes the files of a batch: what one process does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..codec_for_file import codec_for_file
from ..container import Container, ViewKind
from ..container.bounded import MAX_FILE_BYTES
from ..errors import InvalidInput, OutputError
from ..pictures.formats import FORMATS, PNG
from ..pictures.output_form import TWO_FILES
from ..pictures.save_frame import save_frame
from ..pictures.save_pair import save_pair
from ..regular_files import read_regular
from .jobs import DecodeJob, Report, failed
from .manifest import is_whole, sha256_of

# Any model that decodes a file decodes it to the same pictures.
_CHANGES_NOTHING = ("model", "pull", "device", "max_pixels", "overwrite")


@dataclass(frozen=True)
class DecodeSettings:
    """What is the same for all files; the fields are those of `for_file`, `decompress` and `save_pair`.

    keep_metadata: whether pictures hold what files say beside them.
    """

    model: str | None = None
    pull: bool = False
    device: str = "auto"
    max_pixels: int | None = None
    layout: str | None = None
    format: str | None = None
    quality: int | None = None
    keep_metadata: bool = True
    overwrite: bool = False


class Decoder:
    """Decodes one file after the other; picklable, networks are loaded when a file needs them first."""

    def __init__(self, settings: DecodeSettings, done: Mapping[str, Report] | None = None) -> None:
        """done: reports of an earlier run: files are skipped whose pictures are whole and would be the same."""
        self.settings = settings
        self._done = done or {}
        self._codecs: dict[tuple[ViewKind, bytes], Any] = {}

    def __call__(self, job: DecodeJob) -> Report:
        """Decodes a file; whatever is wrong with it is told and not raised."""
        try:
            data = read_regular(job.file, MAX_FILE_BYTES)
            sha256 = hashlib.sha256(data).hexdigest()
            content = _content(sha256, job, self.settings)
            earlier = self._done.get(job.name)
            if earlier is not None and earlier.content == content and _are_whole(earlier, job.output):
                return replace(earlier, status="skipped", file=str(job.file))
            container = Container.from_bytes(data)
            codec = self._codec_of(container)
            first, second = codec.decompress(container, output="numpy", max_pixels=self.settings.max_pixels)
            paths = () if job.output is None else self._saved(container, first, second, job.output)
            pictures = {path.name: sha256_of(path).hex() for path in paths}
        except Exception as error:
            return failed(job, error)
        width, height = container.shown_size
        return Report(
            job.name,
            "done",
            str(job.file),
            width=width,
            height=height,
            quality=container.quality,
            size=len(data),
            model=container.model_id.hex(),
            content="" if job.output is None else content,
            sha256=sha256,
            pictures=pictures,
        )

    def _saved(self, container: Container, first: Any, second: Any, output: Path) -> tuple[Path, ...]:
        """Where the pictures are. The same ones are there already where a process died before its report was known."""
        try:
            return self._save(container, first, second, output, overwrite=self.settings.overwrite)
        except OutputError:
            with TemporaryDirectory() as folder:
                made = self._save(container, first, second, Path(folder, output.name), overwrite=True)
                paths = tuple(output.parent / path.name for path in made)
                if all(is_whole(path, sha256_of(own).hex()) for path, own in zip(paths, made, strict=True)):
                    return paths
            raise

    def _save(
        self, container: Container, first: Any, second: Any, output: Path, *, overwrite: bool
    ) -> tuple[Path, ...]:
        settings = self.settings
        metadata = (container if settings.keep_metadata else container.without_metadata()).metadata
        if container.view_kind.has_depth:
            if settings.layout not in (None, TWO_FILES) or FORMATS[settings.format or "png"] is not PNG:
                raise InvalidInput(
                    "it is of colour and depth, which become two PNG files: decode it without --layout and --format"
                )
            return save_frame(first, second, output.parent, metadata=metadata, name=output.name, overwrite=overwrite)
        saved = save_pair(
            first,
            second,
            f"{output.parent}/",
            layout=settings.layout,
            format=settings.format,
            quality=settings.quality,
            metadata=metadata,
            name=output.name,
            overwrite=overwrite,
        )
        return tuple(picture.path for picture in saved if picture.path is not None)

    def _codec_of(self, container: Container) -> Any:
        """The networks of a file; those of the last kind of file stay."""
        codec = self._codecs.get((container.view_kind, container.model_id))
        if codec is None:
            settings = self.settings
            codec = codec_for_file(container, settings.model, device=settings.device, pull=settings.pull)
            self._codecs = {(container.view_kind, container.model_id): codec}
        return codec


def _content(sha256: str, job: DecodeJob, settings: DecodeSettings) -> str:
    """SHA-256 of a file's own, of what its pictures are called, and of all that changes what is made of it."""
    changing = {name: value for name, value in asdict(settings).items() if name not in _CHANGES_NOTHING}
    return hashlib.sha256(
        json.dumps([changing, sha256, None if job.output is None else job.output.name], sort_keys=True).encode()
    ).hexdigest()


def _are_whole(report: Report, output: Path | None) -> bool:
    """Whether the pictures of a report are there as they were written."""
    pictures = {} if output is None else {output.parent / name: digest for name, digest in report.pictures.items()}
    return bool(pictures) and all(is_whole(path, digest) for path, digest in pictures.items())
