"""What the cameras know, from files into a `.bsc` file and out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from stereocodec.errors import InvalidInput
from stereocodec.files import Output, check_writable

from ._shared import same_file

if TYPE_CHECKING:
    from stereocodec.container import Container, Metadata
    from stereocodec.pictures.picture import Picture


@dataclass(frozen=True)
class CalibrationOptions:
    """What `bisic encode` was told of the cameras; `read_calibration` tells what it means."""

    paths: tuple[str, ...] = ()
    unit: str | None = None

    def read(self) -> dict[str, Any] | None:
        """The calibration, if files name one; raises InvalidInput."""
        from stereocodec.calibration import read_calibration

        return read_calibration(*self.paths, unit=self.unit) if self.paths else None

    def added(self, metadata: Metadata, views: Sequence[str], picture: Picture) -> Metadata:
        """The metadata with the calibration of views, of which a picture is one; raises InvalidInput.

        What the pictures say of a key that the files do not have is kept.
        """
        if not self.paths:
            return metadata
        from stereocodec.calibration import read_calibration, with_calibration

        calibration = read_calibration(*self.paths, views=views, unit=self.unit)
        height, width = picture.pixels.shape[:2]
        return with_calibration(metadata, calibration, (width, height), " and ".join(self.paths))


def calibration_options(files: tuple[str, ...], unit: str | None, output: str) -> CalibrationOptions:
    """What the options of `bisic encode` name; raises UsageError for what cannot be meant."""
    if len(files) > 2:
        raise click.UsageError("--calibration takes two files at most: of each camera, or intrinsics and extrinsics.")
    if unit is not None and not files:
        raise click.UsageError("--calibration-unit needs a calibration: name it with --calibration.")
    if any(same_file(output, path) for path in files):
        raise click.UsageError("The output is one of the inputs: give it a name of its own.")
    return CalibrationOptions(files, unit)


def check_calibration_path(path: str | None, file: str, force: bool) -> None:
    """Refuses where `bisic decode` cannot write a calibration; file: what it decodes."""
    if path is not None:
        if same_file(path, file):
            raise click.UsageError("--calibration is the file to decode: give it a name of its own.")
        check_writable(path, force, makes_folder=True)


def calibration_file(container: Container, path: str | None) -> list[Output]:
    """The calibration that a `.bsc` file holds, as a file of its own, if one is asked for; raises InvalidInput."""
    if path is None:
        return []
    from stereocodec.calibration import calibration_json

    calibration = container.metadata.calibration
    if calibration is None:
        raise InvalidInput("it holds no calibration: leave --calibration out")
    return [(path, calibration_json(calibration))]
